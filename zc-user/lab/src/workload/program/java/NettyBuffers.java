import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.Version;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/**
 * Serves a file through eight layers, each of which takes its header off the front of what it gets, and puts the
 * parts together again: with buffers that are copies, or with buffers that refer to the one that was read.
 */
public final class NettyBuffers {
    private static final int LAYERS = 8;
    private static final int HEADER = 16;
    private static final ByteBufAllocator MEMORY = PooledByteBufAllocator.DEFAULT;

    private interface Message {
        ByteBuf of(ByteBuf data);
    }

    public static void main(String[] arguments) throws IOException {
        // It looks at one buffer in some hundred, drawn at random, and reads its own classes at the first.
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        Path file = Path.of(arguments[0]);
        int chunk = Integer.parseInt(arguments[1]);
        Message message = arguments[3].equals("copies") ? NettyBuffers::copies : NettyBuffers::slices;
        Version version = Version.identify().get("netty-buffer");
        String library = version == null ? "Netty, " : "Netty " + version.artifactVersion() + ", ";
        Server.run(library, client -> serve(file, chunk, message, client));
    }

    private static void serve(Path file, int chunk, Message message, SocketChannel client) throws IOException {
        try (FileChannel source = FileChannel.open(file)) {
            ByteBuf data = MEMORY.directBuffer(chunk, chunk);
            while (data.clear().writeBytes(source, chunk) > 0) {
                ByteBuf sent = message.of(data);
                while (sent.isReadable()) {
                    sent.readBytes(client, sent.readableBytes());
                }
                sent.release();
            }
            data.release();
        }
    }

    /** The parts are copies, and so is the whole. */
    private static ByteBuf copies(ByteBuf data) {
        ByteBuf[] parts = new ByteBuf[LAYERS + 1];
        ByteBuf rest = data.copy();
        for (int layer = 0; layer < LAYERS; layer++) {
            parts[layer] = rest.readBytes(Math.min(HEADER, rest.readableBytes()));
            ByteBuf next = rest.copy();
            rest.release();
            rest = next;
        }
        parts[LAYERS] = rest;
        ByteBuf whole = Unpooled.copiedBuffer(parts);
        for (ByteBuf part : parts) {
            part.release();
        }
        return whole;
    }

    /** The parts are slices of what was read, and the whole is a list of them. */
    private static ByteBuf slices(ByteBuf data) {
        CompositeByteBuf whole = MEMORY.compositeDirectBuffer(LAYERS + 1);
        ByteBuf rest = data.slice();
        for (int layer = 0; layer < LAYERS; layer++) {
            whole.addComponent(true, rest.readRetainedSlice(Math.min(HEADER, rest.readableBytes())));
            rest = rest.slice();
        }
        return whole.addComponent(true, rest.retain());
    }
}
