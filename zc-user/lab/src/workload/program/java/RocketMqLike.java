import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Serves messages as RocketMQ does without transferMsgByHeap: they are appended to a mapped commit
 * log, and written to the consumer as slices of that mapping, one by one.
 */
public final class RocketMqLike {
    private static final int MESSAGE = 1024;
    /** Bytes of one file of the commit log, as mappedFileSizeCommitLog. */
    private static final long FILE = 1L << 30;

    public static void main(String[] arguments) throws IOException {
        List<MappedByteBuffer> log = append(Path.of(arguments[0]), Path.of(arguments[2]));
        Server.run(consumer -> {
            for (MappedByteBuffer file : log) {
                for (int at = 0; at < file.capacity(); at += MESSAGE) {
                    ByteBuffer message = file.slice(at, Math.min(MESSAGE, file.capacity() - at));
                    while (message.hasRemaining()) {
                        consumer.write(message);
                    }
                }
            }
        });
    }

    private static List<MappedByteBuffer> append(Path messages, Path directory) throws IOException {
        List<MappedByteBuffer> log = new ArrayList<>();
        try (FileChannel source = FileChannel.open(messages)) {
            long size = source.size();
            for (long base = 0; base < size; base += FILE) {
                long length = Math.min(FILE, size - base);
                ByteBuffer produced = source.map(MapMode.READ_ONLY, base, length);
                try (FileChannel channel = FileChannel.open(
                        directory.resolve("%020d".formatted(base)),
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
                    MappedByteBuffer file = channel.map(MapMode.READ_WRITE, 0, length);
                    for (int at = 0; at < length; at += MESSAGE) {
                        file.put(produced.slice(at, (int) Math.min(MESSAGE, length - at)));
                    }
                    log.add(file);
                }
            }
        }
        return log;
    }
}
