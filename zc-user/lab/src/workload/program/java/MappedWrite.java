import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;

/** Serves a file by writing from a mapping of it. */
public final class MappedWrite {
    /** One buffer has at most 2 GiB. */
    private static final long WINDOW = 1L << 30;

    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        int chunk = (int) Math.min(Long.parseLong(arguments[1]), WINDOW);
        Server.run(client -> {
            try (FileChannel source = FileChannel.open(file)) {
                long size = source.size();
                for (long at = 0; at < size; at += WINDOW) {
                    MappedByteBuffer window =
                            source.map(MapMode.READ_ONLY, at, Math.min(WINDOW, size - at));
                    while (window.hasRemaining()) {
                        int length = Math.min(chunk, window.remaining());
                        ByteBuffer slice = window.slice(window.position(), length);
                        while (slice.hasRemaining()) {
                            client.write(slice);
                        }
                        window.position(window.position() + length);
                    }
                }
            }
        });
    }
}
