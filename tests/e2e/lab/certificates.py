"""A certificate authority of our own, by the openssl command."""

import os
import subprocess


def _openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def make_authority(directory, name="ca"):
    """DIRECTORY/NAME.pem and NAME.key. Returns the certificate's path."""
    stem = os.path.join(directory, name)
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=mailmirror test authority " + name,
             "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-keyout", stem + ".key", "-out", stem + ".pem")
    return stem + ".pem"


def make_certificate(directory, name, authority, alt_names, days=20,
                     usage="serverAuth", subject=None):
    """DIRECTORY/NAME.pem and NAME.key, signed by the authority."""
    stem = os.path.join(directory, name)
    with open(stem + ".ext", "w", encoding="ascii") as extensions:
        if alt_names:
            extensions.write("subjectAltName=%s\n" % alt_names)
        extensions.write("extendedKeyUsage=%s\n" % usage)
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=" + (subject or name),
             "-keyout", stem + ".key", "-out", stem + ".csr")
    _openssl("x509", "-req", "-in", stem + ".csr", "-CA", authority,
             "-CAkey", authority[:-len(".pem")] + ".key", "-CAcreateserial",
             "-days", str(days), "-extfile", stem + ".ext",
             "-out", stem + ".pem")
    return stem + ".pem"


def fingerprint(certificate):
    """SHA-256 of a PEM certificate, in hex."""
    printed = subprocess.run(
        ("openssl", "x509", "-in", certificate, "-noout", "-sha256",
         "-fingerprint"), check=True, capture_output=True, text=True,
        timeout=60).stdout
    return printed.split("=", 1)[1].strip()
