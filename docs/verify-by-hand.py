#!/usr/bin/env python3
"""Checks what Kubevidence publishes without any of its code: Python's standard library, and openssl 3 for the signatures.

  verify-by-hand.py checkpoint  CHECKPOINT KEYS          who signed the head of the log, and what it says
  verify-by-hand.py inclusion   PROOF RECORD KEYS        a record is in the log, where the proof says
  verify-by-hand.py consistency OLD PROOF KEYS           the log of today is the one of the checkpoint that you kept, and more
  verify-by-hand.py token       FILE TOKEN CERTIFICATES  FILE existed when the timestamp authority says

KEYS holds verifier keys, one a line (keys/log-key.txt of a pack, or `kubevidence keys show`). See verify-by-hand.md.
"""
import base64, hashlib, os, re, subprocess, sys, tempfile


def fail(why):
    sys.exit("DOES NOT HOLD: " + why)

def read(path):
    with open(path, "rb") as file:
        return file.read()

def number(text):
    return int(text) if re.fullmatch("0|[1-9][0-9]{0,15}", text) else fail("this is no number: " + text)

def b64(text, length):
    data = base64.b64decode(text, validate=True)
    return data if len(data) == length and base64.b64encode(data).decode() == text else fail("malformed base64")

def openssl(*args, **files):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl", *args], cwd=folder, capture_output=True, text=True)
        return done.returncode == 0, (done.stdout + done.stderr).strip()

def open_checkpoint(note, keys):  # c2sp.org/signed-note and c2sp.org/tlog-checkpoint: origin, size, root; then the signatures
    text, _, signatures = note.decode().rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    for key_line in read(keys).decode().split():  # NAME+ID+KEY, the id being the start of a hash over name and key
        name, key_id, key = key_line.split("+", 2)
        key = b64(key, 33)
        if key[0] != 1 or hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
            fail("this is no Ed25519 verifier key: " + key_line)
        for dash, signer, blob in (line.split(" ") for line in signatures[:-1].split("\n")):
            if (dash, signer, name) != ("\u2014", name, origin) or base64.b64decode(blob)[:4].hex() != key_id:
                continue
            ok, said = openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "key", "-in", "text",
                               "-sigfile", "signature", key=bytes.fromhex("302a300506032b6570032100") + key[1:],
                               text=(text + "\n").encode(), signature=b64(blob, 68)[4:])
            return (origin, number(size), b64(root, 32), key_id) if ok else fail("the signature on the checkpoint: " + said)
    fail("no key that you gave signed this checkpoint")

def climb(index, last, old, new, path):  # RFC 9162, 2.1.3.2 and 2.1.4.2: `new` takes every hash in, `old` those on its left
    for sibling in path:
        if last == 0:
            fail("the proof is too long")
        if index % 2 or index == last:
            old, new = (hashlib.sha256(b"\x01" + sibling + each).digest() for each in (old, new))
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            new = hashlib.sha256(b"\x01" + new + sibling).digest()
        index, last = index // 2, last // 2
    return (old, new) if last == 0 else fail("the proof is too short")

def main(what, first, second, third=None):
    if what == "token":
        ok, said = openssl("ts", "-verify", "-data", os.path.abspath(first), "-in", os.path.abspath(second), "-CAfile", os.path.abspath(third))
        # Of the token alone: what stands around it in the reply, a status text, is signed by nobody.
        said_in = openssl("ts", "-reply", "-in", os.path.abspath(second), "-token_out", "-text")[1] if ok else ""
        when = re.search("^Time stamp: (.*)", said_in, re.MULTILINE)
        return "%s existed at %s" % (first, when[1]) if ok else fail(said)
    if what == "checkpoint":
        origin, size, root, key_id = open_checkpoint(read(first), second)
        return "the log %s had %d records with the root %s; signed by key %s" % (origin, size, base64.b64encode(root).decode(), key_id)
    head, _, note = read(second if what == "consistency" else first).partition(b"\n\n")
    origin, size, root, _ = open_checkpoint(note, third)
    lines = head.decode().split("\n")
    if what == "inclusion":  # c2sp.org/tlog-proof
        lines = [line for line in lines if not line.startswith("extra ")]
        index = number(lines[1].removeprefix("index "))
        leaf = hashlib.sha256(b"\x00" + read(second).removesuffix(b"\n")).digest()
        held = lines[0] == "c2sp.org/tlog-proof@v1" and index < size
        held = held and climb(index, size - 1, leaf, leaf, [b64(line, 32) for line in lines[2:]])[1] == root
        return "the record is record %d of the log %s of %d records" % (index, origin, size) if held else fail("this record is not in the log")
    old_origin, old_size, old_root, _ = open_checkpoint(read(first), third)  # c2sp.org/tlog-witness, add-checkpoint
    held = old_origin == origin and lines[0] == "old %d" % old_size and 0 < old_size <= size
    unit, path = old_size & -old_size, [b64(line, 32) for line in lines[1:]]
    path = [old_root] + path if unit == old_size or old_size == size else path
    begin = (0, 0) if old_size == size else ((old_size - 1) // unit, (size - 1) // unit)
    held = held and climb(*begin, path[0], path[0], path[1:]) == (old_root, root)
    return "the log %s of %d records extends the one of %d that you kept" % (origin, size, old_size) if held else fail("it is another log")


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]) if len(sys.argv) in (4, 5) else sys.exit(__doc__))
    except (ValueError, IndexError, OSError, TypeError, RecursionError) as error:
        fail("%s: %s" % (type(error).__name__, error))
