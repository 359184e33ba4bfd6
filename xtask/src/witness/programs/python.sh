# Copies of files in three ways, a pipe, and a socket pair.
cat >copies.py <<'PY'
import os, shutil, socket, subprocess, threading
size = 3_000_017
with open("a", "wb") as a:
    a.write(os.urandom(size))
shutil.copyfile("a", "b")
with open("a", "rb") as a, open("c", "wb") as c:
    shutil.copyfileobj(a, c)
with open("a", "rb") as a, open("d", "wb") as d:
    while os.copy_file_range(a.fileno(), d.fileno(), 1 << 20):
        pass
assert subprocess.run(["cat"], input=open("a", "rb").read(), stdout=subprocess.PIPE).stdout[:7]
one, two = socket.socketpair()
def drain(peer):
    while peer.recv(65537):
        pass
reader = threading.Thread(target=drain, args=(two,))
reader.start()
with open("a", "rb") as a:
    one.sendfile(a)
one.sendall(b"x" * 100_003)
one.close()
reader.join()
PY
python3 copies.py
