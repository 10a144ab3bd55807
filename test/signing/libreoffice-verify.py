"""Asks LibreOffice, through UNO, what it thinks of the signatures of office documents.

Usage: libreoffice-verify.py PROFILE_DIR FILE... Prints one JSON list of signatures per file. Starts its own headless office with that
profile, and ends it.
"""
import json
import os
import subprocess
import sys
import time

import uno
from com.sun.star.embed.ElementModes import READ

# The factory wants a sequence of PropertyValue inside a sequence of any. pyuno cannot write that; Basic can.
OPEN_PACKAGE = f"""
Function OpenPackage(stream As Object) As Object
  Dim descriptor(0) As New com.sun.star.beans.PropertyValue
  descriptor(0).Name = "StorageFormat"
  descriptor(0).Value = "ZipFormat"
  OpenPackage = createUnoService("com.sun.star.embed.StorageFactory").createInstanceWithArguments(Array(stream, CLng({READ}), descriptor()))
End Function
"""


def connect(process, pipe):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(600):
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except Exception:
            if process.poll() is not None:
                raise
            time.sleep(0.1)
    raise SystemExit("LibreOffice did not start within a minute")


def package_opener(context):
    manager = context.ServiceManager
    libraries = manager.createInstanceWithContext("com.sun.star.script.ApplicationScriptLibraryContainer", context)
    if libraries.hasByName("Kubevidence"):
        libraries.removeLibrary("Kubevidence")
    libraries.createLibrary("Kubevidence").insertByName("Storage", OPEN_PACKAGE)
    providers = manager.createInstanceWithContext("com.sun.star.script.provider.MasterScriptProviderFactory", context)
    script = providers.createScriptProvider("").getScript(
        "vnd.sun.star.script:Kubevidence.Storage.OpenPackage?language=Basic&location=application"
    )
    return lambda stream: script.invoke((stream,), (), ())[0]


def signatures(context, open_package, path):
    manager = context.ServiceManager
    access = manager.createInstanceWithContext("com.sun.star.ucb.SimpleFileAccess", context)
    storage = open_package(access.openFileRead(uno.systemPathToFileUrl(path)))
    checker = manager.createInstanceWithArgumentsAndContext("com.sun.star.security.DocumentDigitalSignatures", ("1.2",), context)
    return [
        {
            "valid": found.SignatureIsValid,
            "partial": found.PartialDocumentSignature,
            "subject": found.Signer.SubjectName if found.Signer else None,
        }
        for found in checker.verifyDocumentContentSignatures(storage, None)
    ]


def main(profile, files):
    pipe = f"kubevidence-{os.getpid()}"
    process = subprocess.Popen(
        ["soffice", "--headless", "--norestore", "--nologo", f"-env:UserInstallation=file://{profile}", f"--accept=pipe,name={pipe};urp;"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    context = connect(process, pipe)
    try:
        open_package = package_opener(context)
        print(json.dumps([signatures(context, open_package, os.path.abspath(name)) for name in files]))
    finally:
        try:
            context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context).terminate()
        except Exception:
            pass  # the connection ends with the office
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)


main(sys.argv[1], sys.argv[2:])
