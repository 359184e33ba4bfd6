# Files and channels of the JDK.
cat >Copies.java <<'JAVA'
import java.io.*;
import java.net.*;
import java.nio.channels.*;
import java.nio.file.*;

class Copies {
    public static void main(String[] words) throws Exception {
        Path a = Path.of("a");
        Files.write(a, new byte[3_000_017]);
        Files.copy(a, Path.of("b"));
        try (var in = new FileInputStream("a"); var out = new FileOutputStream("c")) { in.transferTo(out); }
        try (var server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 8084))) {
            var reader = new Thread(() -> {
                try (var peer = server.accept()) { peer.socket().getInputStream().transferTo(OutputStream.nullOutputStream()); }
                catch (IOException error) { throw new UncheckedIOException(error); }
            });
            reader.start();
            try (var to = SocketChannel.open(server.getLocalAddress()); var from = FileChannel.open(a)) {
                for (long done = 0; done < from.size(); ) { done += from.transferTo(done, from.size() - done, to); }
            }
            reader.join();
        }
    }
}
JAVA
java Copies.java
