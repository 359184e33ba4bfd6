"""Serves a file through eight layers, each of which takes its header off the front of what it gets.

A line is the question; the end of the stream ends the answer. Arguments: the file, the bytes of one
transfer, and whether layers get slices of bytes, which are copies, or of a memoryview, which are not.
"""
import sys

try:
    import socket
except ImportError as missing:
    # Debian has a Python with few of its modules.
    print(f"{missing} in {sys.executable}: install the package python3", file=sys.stderr)
    sys.exit(77)

LAYERS = 8
HEADER = 16


def split(data):
    """The headers, and what is left behind the last one."""
    parts = []
    for _ in range(LAYERS):
        parts.append(data[:HEADER])
        data = data[HEADER:]
    parts.append(data)
    return parts


def send(client, parts):
    sent = client.sendmsg(parts)
    # A signal may have ended the call early.
    for part in parts:
        if sent < len(part):
            client.sendall(memoryview(part)[sent:])
        sent = max(0, sent - len(part))


def serve(file, chunk, handle, client):
    with open(file, "rb", buffering=0) as source:
        while data := source.read(chunk):
            send(client, split(handle(data)))


def main():
    file, chunk, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    handle = {"bytes": bytes, "memoryview": memoryview}[kind]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        version = sys.version.split()[0]
        print(listener.getsockname()[1], f"Python {version}", flush=True)
        while True:
            client, _ = listener.accept()
            with client:
                question = b""
                while not question.endswith(b"\n"):
                    some = client.recv(64)
                    if not some:
                        break
                    question += some
                else:
                    serve(file, chunk, handle, client)


main()
