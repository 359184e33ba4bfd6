import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.util.Version;
import java.io.File;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Serves a file with Netty's DefaultFileRegion. */
public final class NettyFileRegion {
    public static void main(String[] arguments) throws Exception {
        File file = new File(arguments[0]);
        // One thread for everything: no thread has to wake another.
        EventLoopGroup loop = new NioEventLoopGroup(1);
        Channel listener = new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel client) {
                        client.pipeline().addLast(new LineBasedFrameDecoder(64), new Answer(file));
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
        Version version = Version.identify().get("netty-transport");
        String library = version == null ? "Netty, " : "Netty " + version.artifactVersion() + ", ";
        Server.announce(((InetSocketAddress) listener.localAddress()).getPort(), library);
    }

    private static final class Answer extends SimpleChannelInboundHandler<ByteBuf> {
        private final File file;

        Answer(File file) {
            this.file = file;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext client, ByteBuf question) {
            client.writeAndFlush(new DefaultFileRegion(file, 0, file.length()))
                    .addListener(ChannelFutureListener.CLOSE);
        }
    }
}
