import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Serves a log as Kafka does: a mapped index holds where messages lie in the segment, and
 * transferTo sends them from there, many at a time.
 */
public final class KafkaLike {
    private static final int MESSAGE = 1024;
    /** Bytes of the segment between two entries of the index, as log.index.interval.bytes. */
    private static final int INTERVAL = 4096;
    /** The number of a message, and its position in the segment. */
    private static final int ENTRY = 2 * Long.BYTES;

    public static void main(String[] arguments) throws IOException {
        Path log = Path.of(arguments[0]);
        long messagesPerFetch = Math.max(1, Long.parseLong(arguments[1]) / MESSAGE);
        Path directory = Path.of(arguments[2]);
        MappedByteBuffer index = index(log, directory.resolve("0.index"));
        Server.run(consumer -> {
            try (FileChannel segment = FileChannel.open(log)) {
                long end = segment.size();
                for (long message = 0; message * MESSAGE < end; message += messagesPerFetch) {
                    long at = position(index, message);
                    long stop = Math.min(at + messagesPerFetch * MESSAGE, end);
                    while (at < stop) {
                        at += segment.transferTo(at, stop - at, consumer);
                    }
                }
            }
        });
    }

    private static MappedByteBuffer index(Path log, Path file) throws IOException {
        try (FileChannel segment = FileChannel.open(log);
                FileChannel entries = FileChannel.open(
                        file,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            long count = (segment.size() + INTERVAL - 1) / INTERVAL;
            MappedByteBuffer index = entries.map(MapMode.READ_WRITE, 0, count * ENTRY);
            for (long entry = 0; entry < count; entry++) {
                index.putLong(entry * INTERVAL / MESSAGE).putLong(entry * INTERVAL);
            }
            return index;
        }
    }

    /** Where a message lies: the last entry that is not after it, and from there on. */
    private static long position(MappedByteBuffer index, long message) {
        int low = 0;
        int high = index.capacity() / ENTRY - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (index.getLong(middle * ENTRY) <= message) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        long first = index.getLong(low * ENTRY);
        return index.getLong(low * ENTRY + Long.BYTES) + (message - first) * MESSAGE;
    }
}
