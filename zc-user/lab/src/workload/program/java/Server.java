import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** Answers connections one after the other: a line is the question, the end of the stream ends the answer. */
final class Server {
    interface Answer {
        void to(SocketChannel client) throws IOException;
    }

    static void run(Answer answer) throws IOException {
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            announce(((InetSocketAddress) listener.getLocalAddress()).getPort(), "");
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
        System.out.println(port + " " + library + "Java " + Runtime.version());
        System.out.flush();
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
