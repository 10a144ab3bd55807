/** What the zip of a pack says in the fields that carry no content; any other value is a change to the pack. APPNOTE.TXT 4.4. */

/** Unix, specification 6.3. */
export const versionMadeBy = 0x033f;
export const versionNeeded = 20;
/** 1980-01-01 00:00, the same everywhere: DOS times are local. */
export const dosTime = 0x0021_0000;
/** A plain file with mode 644, in the high half. */
export const attributes = 0o100644 * 0x1_0000;
export const stored = 0;
/** General purpose flag 11. */
export const utf8Names = 0x0800;
/** Without zip64. */
export const mostFiles = 0xffff;
