/** The page that stands in every export: what each file is, and how to check it by hand. It is the same in every export. */
export const exportReadme = `# An exported Kubevidence ledger

Everything that the ledger's last signed checkpoint covers, as UTF-8 JSON lines in a fixed order. \`kubevidence ledger import --from DIR\`
makes a ledger of it again and proves every line; the same ledger always exports to the same bytes. Keys are not part of it. Names of
persons are as they were read, also where audit packs show pseudonyms: an id is of the text as it was.

| file | one line is |
|---|---|
| export.json | (one document) the ledger's id, its log key, how many lines each file has |
| log.jsonl | a record of the log, in order: line 1 is leaf 0. The line is the record's RFC 8785 text, as it was hashed |
| checkpoints.jsonl | a signed note (c2sp.org/tlog-checkpoint, Ed25519) over the first \`size\` records |
| tokens.jsonl | an RFC 3161 timestamp over the note of that size: \`tsr\` is DER in Base64 |
| payloads.jsonl | what the record at leaf \`record\` names by an id: \`value\`. A run's own payload names those of its listings, which follow it; \`tree\` is the line \`n\` of trees.jsonl whose id a listing names as \`objects\` |
| objects.jsonl | an object as it was kept: number, id, salt, the run that first read it, kind of its listing, and the object |
| trees.jsonl | a list of what a listing holds, see below |
| catalogs.jsonl | controls and mappings as records name them: \`digest\` is SHA-256 over \`catalog\` |
| reuse.jsonl | a cache for the next run, no evidence: which stored object an unchanged uid and resourceVersion stand for |

\`"erased":true\` stands where salt and content were destroyed; a payload-erased record in the log says when and why.

## Text
What a hash covers is the last member of its line (\`value\`, \`object\`, \`catalog\`) or the whole line (log.jsonl), as RFC 8785 text. One thing
was changed, so that no line can control a terminal: U+007F-009F, U+061C, U+200E, U+200F, U+2028-202E, U+2066-2069 and U+FEFF are written
as \\uXXXX. Turn those back before hashing (\`raw\` below does); all other escapes stay as they are.

## Ids
An id is HMAC-SHA256(salt, text). By hand, for the first object (\`head -1 objects.jsonl\`), with TEXT as the text and SALT as the line's salt:

    printf %s 'TEXT' | openssl dgst -sha256 -mac HMAC -macopt hexkey:SALT

All of them, and that the trees are made of them (Python 3, in this directory; prints nothing but the counts when all is right):

    import hashlib, hmac, json, re
    def raw(text):
        bad = re.compile('[\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]')
        char = lambda m: chr(int(m[1], 16)) if m[1] and bad.match(chr(int(m[1], 16))) else m[0]
        return re.sub(r'\\\\(?:u([0-9a-f]{4})|.)', char, text).encode()
    def check(line, text):
        if hmac.new(bytes.fromhex(line['salt']), text, 'sha256').hexdigest() != line['id']: print('does not hold:', line['id'])
    for name, member in ('objects', 'object'), ('payloads', 'value'):
        for count, text in enumerate(open(name + '.jsonl', newline='\\n', encoding='utf-8'), 1):
            line = json.loads(text)
            if 'erased' not in line: check(line, raw(text.split(',"%s":' % member, 1)[1][:-2]))
        print(name, count)
    trees = {}
    for text in open('trees.jsonl', newline='\\n', encoding='utf-8'):
        line, members = json.loads(text), []
        for step in line['members']:
            if isinstance(step[1], int): members += trees[line['base']][step[0]:step[0] + step[1]]
            else: members.append(step[1] if len(step) == 2 else [step[2], step[1]])
        trees[line['n']] = members
        check(line, json.dumps(members, ensure_ascii=False, separators=(',', ':')).encode())
    print('trees', len(trees))

A tree's text is the RFC 8785 list of its members' ids, each \`"ID"\` or \`["LABEL","ID"]\`. In \`members\` a step \`[from, count]\` repeats members of
the tree \`base\`; \`[n, ID]\` and \`[n, ID, LABEL]\` are new, with the line's number in the file that \`of\` names. A listing's tree lists one tree
per namespace, and that one the objects in the order of their names.

## Log
A leaf's hash is SHA-256(0x00 || text), a node's SHA-256(0x01 || left || right) (RFC 6962). The root over the first \`size\` lines is the third
line of that checkpoint's note, which the log key signs; it is in the first record (\`logKey\`), and in later \`key-rotated\` records. Compare a
checkpoint that you kept: its note must stand in checkpoints.jsonl. Each record names its payload (\`snapshot\`, \`assessment\`, \`details\`) by id.
`;
