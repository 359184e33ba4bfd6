import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Answers connections one after the other: a line is the question, the end of the stream ends the answer. */
final class Server {
    interface Answer {
        void to(SocketChannel client) throws IOException;
    }

    static void run(Answer answer) throws IOException {
        run("", answer);
    }

    /** As above, by a program that uses a library, which is named with a comma and a space after it. */
    static void run(String library, Answer answer) throws IOException {
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            announce(((InetSocketAddress) listener.getLocalAddress()).getPort(), library);
            while (true) {
                try (SocketChannel client = listener.accept()) {
                    if (hasAsked(client)) {
                        answer.to(client);
                    }
                }
            }
        }
    }

    /** Prints the port and the Java version for the process that started this. */
    static void announce(int port, String library) {
        loadClasses();
        System.out.println(port + " " + library + "Java " + Runtime.version());
        System.out.flush();
    }

    /**
     * Loads every class of the class path. Otherwise one that only a rare turn of events needs (a write that
     * takes a part) is read from its file in the middle of a transfer, and counts as bytes of it. Classes of
     * Java itself are mapped.
     */
    private static void loadClasses() {
        for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
            try (Stream<String> files = files(new File(place))) {
                files.filter(name -> name.endsWith(".class")).forEach(Server::loadClass);
            } catch (IOException absent) {
                // It has no classes then.
            }
        }
    }

    private static Stream<String> files(File place) throws IOException {
        if (place.isDirectory()) {
            return Stream.of(place.list());
        }
        try (JarFile library = new JarFile(place)) {
            return library.stream().map(JarEntry::getName).collect(Collectors.toList()).stream();
        }
    }

    private static void loadClass(String file) {
        String name = file.substring(0, file.length() - ".class".length()).replace('/', '.');
        try {
            Class.forName(name, false, Server.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError unusable) {
            // One that needs a library that is not in the class path: it cannot be needed either.
        }
    }

    private static boolean hasAsked(SocketChannel client) throws IOException {
        ByteBuffer question = ByteBuffer.allocateDirect(64);
        while (client.read(question) > 0) {
            if (question.get(question.position() - 1) == '\n') {
                return true;
            }
        }
        return false;
    }
}
