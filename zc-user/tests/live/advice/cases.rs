//! The table: a script, what it needs, and what is right to advise to which of its programs.
//!
//! `large` is a file that is moved, `small` one with content, `$M` a directory in memory, which has
//! `large` as well.

/// Programs, and the advice that is right for them.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Programs that must be installed.
    pub(super) needs: &'static [&'static str],
    pub(super) script: &'static str,
    /// Name of a process and id of a rule.
    pub(super) rules: &'static [(&'static str, &'static str)],
}

/// The advice for a file that is mapped and sent.
pub(super) const MAPPED: (&str, &str) = ("python3-mapped", "file_to_socket");

const NONE: &[(&str, &str)] = &[];

/// Cases of which the advice is no more than possible: another thread may have changed the data, the calls may be
/// anywhere in the file.
pub(super) const POSSIBLE: &[&str] = &["other_thread", "dd_small"];

/// Cases of which no advice is as right: whether it is given depends on how long threads wait for each other.
pub(super) const AT_MOST: &[&str] = &["other_thread"];

macro_rules! cases {
    ($($name:literal [$($needs:literal)*] $script:literal => $rules:expr;)*) => {
        &[$(Case { name: $name, needs: &[$($needs),*], script: $script, rules: $rules },)*]
    };
}

pub(super) const CASES: &[Case] = cases! {
    // They look at the bytes, or change them.
    "gzip" ["gzip"] "gzip -1c small >$M/out" => NONE;
    "gunzip" ["gzip"] "gzip -1c small | gzip -dc >$M/out" => NONE;
    "zstd" ["zstd"] "zstd -q -1 -c small >$M/out" => NONE;
    "xz" ["xz"] "head -c 8000000 small | xz -0c >$M/out" => NONE;
    "bzip2" ["bzip2"] "bzip2 -1c small >$M/out" => NONE;
    "lz4" ["lz4"] "lz4 -q -1 -f small $M/out" => NONE;
    "zip" ["zip"] "zip -q -0 $M/out.zip small; rm $M/out.zip" => NONE;
    "awk" ["awk"] "awk 1 small >$M/out" => NONE;
    "openssl" ["openssl"] "openssl enc -aes-128-ctr -pbkdf2 -k x -in large -out $M/out" => NONE;
    "sort" ["sort"] "sort -o $M/out small" => NONE;
    "sed" ["sed"] "sed s/a/b/ small >$M/out" => NONE;
    "tr" ["tr"] "tr a-f A-F <small >$M/out" => NONE;
    "base64" ["base64"] "base64 small >$M/out" => NONE;
    "sha256sum" ["sha256sum"] "sha256sum small" => NONE;
    "dd_ucase" ["dd"] "dd if=small of=$M/out bs=64k conv=ucase" => NONE;
    "in_place_xor" [] "$ZC_LIVE workload passed xor small $M/out" => NONE;
    "over_it" [] "$ZC_LIVE workload passed zero large $M/out" => NONE;
    "git" ["git"] "git init -q g && cp small g/ && git -C g add small" => NONE;
    "rsync" ["rsync"] "rsync -a large $M/out" => NONE;
    // They update files in place.
    "in_place_same" [] "cp small $M/out && $ZC_LIVE workload passed update $M/out $M/out" => NONE;
    "sqlite" ["sqlite3"]
        "echo 'create table t(a); begin; insert into t select hex(randomblob(500)) from \
         generate_series(1, 20000); commit; update t set a = a || 1;' | sqlite3 $M/db" => NONE;
    // They frame the bytes, or write them more than once.
    "tar" ["tar"] "tar cf $M/out large" => NONE;
    "tee" ["tee"] "tee $M/out <large >$M/out2; rm $M/out2" => NONE;
    "tee_pipe" ["sh" "tee" "wc"] "tee $M/out <large | wc -c" => NONE;
    "append" ["cat"] "rm -f $M/out; cat large >>$M/out" => NONE;
    // They have tried, or do it already.
    "cp_across" ["cp"] "cp $M/large copy; rm copy" => NONE;
    "cp" ["cp"] "cp large copy; rm copy" => NONE;
    "sendfile" ["python3"] "python3 relay.py sendfile" => NONE;
    // Datagrams, requests and responses.
    "udp" ["python3"] "python3 relay.py udp" => NONE;
    "requests" ["python3"] "python3 relay.py requests" => NONE;
    "redis" ["redis-server" "redis-benchmark"]
        "redis-server --port 0 --unixsocket $PWD/redis.sock --save '' --daemonize no & \
         until [ -S redis.sock ]; do sleep 0.05; done; \
         redis-benchmark -s redis.sock -t set,get -n 20000 -q; kill $!; wait; true" => NONE;
    "mapped_udp" ["dd" "python3"] "dd if=small of=mapped bs=3k; python3 relay.py mapped_udp" => NONE;
    // They move bytes, and as far as can be seen nothing else.
    "other_thread" [] "ln -s $ZC_LIVE passer; ./passer workload passed thread large $M/out" =>
        &[("passer", "file_to_file")];
    "dd" ["dd"] "dd if=large of=$M/out bs=64k" => &[("dd", "file_to_file")];
    "split" ["split"] "split -b 64M large $M/part; rm $M/part*" => &[("split", "file_to_file")];
    "perl_copy" ["perl"] "perl -MFile::Copy -e 'copy(\"large\", \"$ENV{M}/out\")'" =>
        &[("perl", "file_to_file")];
    "busybox_cp" ["busybox"] "busybox cp large $M/out" => NONE;
    "pipe" ["cat"] "cat large | cat >$M/out" => &[("cat", "relay")];
    "idle_afterwards" ["dd" "sleep"] "dd if=large of=$M/out bs=64k; sleep 1" =>
        &[("dd", "file_to_file")];
    "python_copy" ["python3"] "python3 relay.py copy" => &[("python3", "file_to_file")];
    "python_serve" ["python3"] "python3 relay.py serve" => &[("python3", "file_to_socket")];
    "python_proxy" ["python3"] "python3 relay.py proxy" => &[("python3", "relay")];
    // Written in small pieces, its pages are not huge: those are mapped unseen where there are no copy sites.
    "python_mapped" ["dd" "python3"] "dd if=small of=mapped bs=3k; python3 relay.py mapped" =>
        &[MAPPED];
    // Many small calls.
    "dd_small" ["dd"] "dd if=small of=$M/out count=20000" => &[("dd", "small_calls")];
    "few_small" ["dd"] "dd if=small of=$M/out count=100" => NONE;
};

/// Moves `large` in the way that its argument names.
pub(super) const RELAY: &str = r"
import ctypes, mmap, os, shutil, socket, sys

MIB = 1 << 20
way = sys.argv[1]
out = os.environ['M'] + '/out'

def rename(name):
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)

# Whatever the interpreter is called.
rename('python3')

def listener():
    listener = socket.create_server(('127.0.0.1', 0))
    return listener, listener.getsockname()

def drain(connection):
    room = bytearray(MIB)
    while connection.recv_into(room):
        pass

def receiver():
    # A process that receives everything, and a connection to it.
    listening, address = listener()
    if os.fork() == 0:
        rename('python3-sink')
        drain(listening.accept()[0])
        os._exit(0)
    return socket.create_connection(address)

if way == 'copy':
    with open('large', 'rb') as source, open(out, 'wb') as target:
        shutil.copyfileobj(source, target, MIB)
elif way == 'serve':
    sink = receiver()
    with open('large', 'rb', buffering=0) as file:
        while data := file.read(MIB):
            sink.sendall(data)
    sink.close()
elif way == 'sendfile':
    sink = receiver()
    with open('large', 'rb') as file:
        sink.sendfile(file)
    sink.close()
elif way == 'mapped':
    rename('python3-mapped')
    sink = receiver()
    with open('mapped', 'rb') as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    for start in range(0, len(data), MIB):
        sink.sendall(data[start:start + MIB])
    sink.close()
elif way == 'mapped_udp':
    b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b.bind(('127.0.0.1', 0))
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    a.connect(b.getsockname())
    with open('mapped', 'rb') as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    for start in range(0, len(data), 8192):
        a.send(data[start:start + 8192])
elif way == 'proxy':
    listening, address = listener()
    sink = receiver()
    if os.fork() == 0:
        rename('python3-source')
        source = socket.create_connection(address)
        with open('large', 'rb') as file:
            source.sendfile(file)
        os._exit(0)
    source = listening.accept()[0]
    # Whole buffers: with a few KiB at a time, the interpreter's own time is that of a look at the data.
    while data := source.recv(MIB, socket.MSG_WAITALL):
        sink.sendall(data)
    sink.close()
    os.wait()
elif way == 'udp':
    def pair():
        b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        b.bind(('127.0.0.1', 0))
        a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        a.connect(b.getsockname())
        return a, b
    (a, b), (c, d) = pair(), pair()
    for _ in range(12007):
        a.send(b'q' * 8191)
        c.send(b.recv(9000))
        d.recv(9000)
elif way == 'requests':
    listening, address = listener()
    if os.fork() == 0:
        rename('python3-client')
        server = socket.create_connection(address)
        for _ in range(20011):
            server.sendall(b'request')
            server.recv(4096)
        os._exit(0)
    client = listening.accept()[0]
    while client.recv(4096):
        client.sendall(b'answer')
for _ in range(2):
    try:
        os.wait()
    except ChildProcessError:
        break
";
