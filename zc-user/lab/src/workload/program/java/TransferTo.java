import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Serves a file with FileChannel.transferTo. */
public final class TransferTo {
    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        long chunk = Long.parseLong(arguments[1]);
        Server.run(client -> {
            try (FileChannel source = FileChannel.open(file)) {
                long size = source.size();
                long at = 0;
                while (at < size) {
                    at += source.transferTo(at, Math.min(chunk, size - at), client);
                }
            }
        });
    }
}
