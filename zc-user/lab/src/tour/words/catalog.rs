//! What the catalog says of its scenarios, hazards and sinks, and what it finds out: in English, and in Chinese.
//!
//! The catalog has its sentences in English, which recordings and JSON keep; the tour shows them in its own language.

use std::borrow::Cow;

/// In English and in another language. In English `{}` stands for anything, which is `{0}`, `{1}`... in the other.
pub(super) type Table = &'static [(&'static str, &'static str)];

/// `english` in the language of `table`; as it is if the table does not have it.
pub(super) fn translate<'a>(table: Table, english: &'a str) -> Cow<'a, str> {
    let found = table.iter().find_map(|(pattern, sentence)| {
        let values = matched(pattern, english)?;
        Some((*sentence, values))
    });
    match found {
        None => Cow::Borrowed(english),
        Some((sentence, values)) if values.is_empty() => Cow::Borrowed(sentence),
        Some((sentence, values)) => {
            // A value may be a name of the table.
            let values = values.into_iter().map(|value| translate(table, value));
            Cow::Owned(put(sentence, &values.collect::<Vec<_>>()))
        }
    }
}

/// What stands for the `{}` of a pattern, if the text has its form.
fn matched<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut literals = pattern.split("{}");
    let mut rest = text.strip_prefix(literals.next()?)?;
    let mut values = Vec::new();
    let mut literals = literals.peekable();
    while let Some(literal) = literals.next() {
        let (value, after) = match literals.peek() {
            None => (rest.strip_suffix(literal)?, ""),
            Some(_) => rest.split_once(literal)?,
        };
        values.push(value);
        rest = after;
    }
    rest.is_empty().then_some(values)
}

/// A sentence with `{0}`, `{1}`... filled in. What is filled in is not looked at again.
fn put(sentence: &str, values: &[Cow<'_, str>]) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (number, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        let value = number.parse().ok().and_then(|number: usize| values.get(number));
        text.push_str(value.map_or("", |value| value));
        rest = after;
    }
    text + rest
}

/// Chinese. What has no blank is the name of a call, and stays.
#[rustfmt::skip]
pub(super) const CHINESE: Table = &[
    // Sinks and places.
    ("TCP over loopback", "TCP 环回"),
    ("TCP over veth", "TCP veth"),
    ("TCP over veth without scatter-gather", "无散布-聚集的 TCP veth"),
    ("Unix socket", "Unix 套接字"),
    ("pipe", "管道"),
    ("file", "文件"),
    ("memory of the program", "程序的内存"),
    ("socket buffer", "套接字缓冲区"),
    ("loopback", "环回"),
    // Scenarios.
    ("send with MSG_ZEROCOPY", "MSG_ZEROCOPY 发送"),
    ("read, cold cache, no readahead", "read，冷缓存，无预读"),
    ("sendfile to a file", "sendfile 到文件"),
    ("sendfile without scatter-gather", "无散布-聚集的 sendfile"),
    ("io_uring direct read", "io_uring 直接读"),
    ("read, cold cache", "read，冷缓存"),
    ("direct read", "直接读"),
    ("copy on write, huge pages", "大页的写时复制"),
    ("io_uring read + send", "io_uring 读 + 发送"),
    ("libaio direct read", "libaio 直接读"),
    ("MSG_ZEROCOPY without SO_ZEROCOPY", "未设 SO_ZEROCOPY 的 MSG_ZEROCOPY"),
    ("copy_file_range, copied", "copy_file_range，拷贝"),
    ("io_uring zero-copy send", "io_uring 零拷贝发送"),
    ("copy on write after fork", "fork 后的写时复制"),
    ("direct write", "直接写"),
    ("shared memory", "共享内存"),
    ("Rust clones", "Rust 克隆"),
    ("Rust moves", "Rust 移动"),
    ("read, warm cache", "read，热缓存"),
    ("copy_file_range, shared", "copy_file_range，共享"),
    ("Java FileChannel.transferTo", "Java FileChannel.transferTo"),
    ("Netty copies", "Netty 拷贝"),
    ("Netty slice() + composite", "Netty slice() + 组合缓冲区"),
    ("nginx, sendfile on", "nginx，sendfile on"),
    ("nginx, sendfile off", "nginx，sendfile off"),
    ("RocketMQ-style broker", "RocketMQ 式的消息代理"),
    ("Netty DefaultFileRegion", "Netty DefaultFileRegion"),
    ("Java mapped ByteBuffer + write", "Java 映射的 ByteBuffer + write"),
    ("Python slices of bytes", "Python bytes 切片"),
    ("Python memoryview", "Python memoryview"),
    ("Kafka-style broker", "Kafka 式的消息代理"),
    // What the textbook claims.
    ("since 4.14: user pages are pinned instead of copied, at the cost of a completion", "自 4.14 起：用户页被钉住而不被拷贝，代价是一个完成通知"),
    ("no copy between any two descriptors, one of which is a pipe; two mode switches per call, two calls per transfer", "任意两个描述符之间无拷贝，其中一个须是管道；每次调用两次模式切换，每次传输两次调用"),
    ("the baseline: storage to page cache to user to socket buffer to network", "基准：存储到页缓存，到用户内存，到套接字缓冲区，到网络"),
    ("user pages mapped into a pipe without a copy; two mode switches per call", "用户页不经拷贝映射进管道；每次调用两次模式切换"),
    ("sendfile is known as zero-copy; since 2.6.33 its target may be a file", "sendfile 以零拷贝闻名；自 2.6.33 起目标可以是文件"),
    ("in 2.1, and with devices that lack scatter-gather: page cache to socket buffer", "在 2.1 中，以及设备没有散布-聚集时：从页缓存拷贝到套接字缓冲区"),
    ("large files are better served direct and asynchronous than through the page cache", "大文件用直接、异步的方式提供，好过经过页缓存"),
    ("bypasses the page cache; memory, position and length have to be aligned", "绕过页缓存；内存、位置和长度都要对齐"),
    ("a page per first write, and a huge page is a page: all of it for its first byte", "每次首次写入拷贝一页，而大页也是一页：为第一个字节拷贝整页"),
    ("since 2.4, with a device that has scatter-gather: page references only", "自 2.4 起，设备支持散布-聚集时：只有页的引用"),
    ("saves the copy to the program; a call to map, a call to write, and page faults", "省去到程序的拷贝；一次映射调用，一次写调用，还有缺页异常"),
    ("copies as the operations do; one call for many of them", "拷贝与各操作相同；多个操作只用一次调用"),
    ("two calls for many reads, as databases do with a cache of their own", "多次读取只用两次调用，有自己缓存的数据库就是这样"),
    ("a flag of the send requests zero-copy; it is easily overlooked that the socket needs an option, too", "发送时的标志请求零拷贝；容易忽略的是套接字也要设选项"),
    ("one copy in the kernel, and one call", "内核中一次拷贝，一次调用"),
    ("since 6.0: user pages are pinned instead of copied, by one call for many sends", "自 6.0 起：用户页被钉住而不被拷贝，多次发送只用一次调用"),
    ("no copy until one process writes; then a page per first write, and a fault for each", "某个进程写入之前没有拷贝；之后每次首次写入拷贝一页，各有一次缺页异常"),
    ("fbufs, today a shared memfd mapping: buffers that several programs map, and no call to pass one on", "fbufs，今天是共享的 memfd 映射：多个程序映射同样的缓冲区，传递它不需要调用"),
    ("as read + write, and a copy in user space for each hand-over", "与 read + write 相同，每次交接再加一次用户空间的拷贝"),
    ("as read + write", "与 read + write 相同"),
    ("a pipe duplicated without a copy and without consuming it; two mode switches per call: fill, duplicate, drain", "不经拷贝、不消耗内容地复制管道；每次调用两次模式切换：填充、复制、排空"),
    ("a reflink: both files share the extents until one of them is written", "reflink：两个文件共享区段，直到其中一个被写入"),
    ("as sendfile", "与 sendfile 相同"),
    ("as read + write, and a copy in user space for each buffer", "与 read + write 相同，每个缓冲区再加一次用户空间的拷贝"),
    ("as mmap + write, with small messages", "与 mmap + write 相同，消息很小"),
    ("as mmap + write", "与 mmap + write 相同"),
    ("as read + write, and a copy in user space for each slice", "与 read + write 相同，每个切片再加一次用户空间的拷贝"),
    ("sendfile for the log, mmap for the index", "日志用 sendfile，索引用 mmap"),
    ("a miss costs one DMA transfer, on top of the copy to the program", "未命中多一次 DMA 传输，此外还有到程序的拷贝"),
    ("a miss costs one DMA transfer; without readahead the program waits for each", "未命中多一次 DMA 传输；没有预读，程序每次都要等待"),
    ("a hit costs no DMA transfer", "命中不需要 DMA 传输"),
    // Why this kernel differs.
    ("the file is mapped once, not once per transfer, and the page faults are taken inside write(), where the CPU is in kernel mode already (fault_in_readable, lib/iov_iter.c)", "文件只映射一次，不是每次传输一次，而且缺页异常发生在 write() 之内，那时 CPU 已在内核态 (fault_in_readable, lib/iov_iter.c)"),
    ("the file is mapped once, not once per transfer", "文件只映射一次，不是每次传输一次"),
    ("packets that arrive on this machine must not refer to a program's memory: loopback and veth copy them on reception (skb_orphan_frags_rx, net/core/dev.c); zero-copy was requested, and achieved for no byte", "到达本机的数据包不得引用程序的内存：环回和 veth 在接收时拷贝它们 (skb_orphan_frags_rx, net/core/dev.c)；请求了零拷贝，没有一个字节实现"),
    ("a pipe holds 16 buffers of a page (PIPE_DEF_BUFFERS) unless F_SETPIPE_SZ sets more, so that a bigger chunk takes several calls", "管道存放 16 个一页的缓冲区 (PIPE_DEF_BUFFERS)，除非用 F_SETPIPE_SZ 设得更大，所以更大的块需要多次调用"),
    ("a page of a pipe cannot become a page of a file: splice to a file writes, which copies (iter_file_splice_write, fs/splice.c, calls generic_perform_write, mm/filemap.c, or the file system's own)", "管道的页不能成为文件的页：splice 到文件是写入，写入就拷贝 (iter_file_splice_write, fs/splice.c，调用 generic_perform_write, mm/filemap.c，或文件系统自己的函数)"),
    ("the pages pass an internal pipe by reference, and are then written, which copies (splice_direct_to_actor and iter_file_splice_write, fs/splice.c)", "页以引用方式经过一个内部管道，然后被写入，写入就拷贝 (splice_direct_to_actor 和 iter_file_splice_write, fs/splice.c)"),
    ("since Linux 5.8 a shared huge page is not copied but split, and of its small pages the one that is written to is copied (do_huge_pmd_wp_page, mm/huge_memory.c)", "自 Linux 5.8 起，共享的大页不被拷贝而被拆分，只拷贝其中被写入的小页 (do_huge_pmd_wp_page, mm/huge_memory.c)"),
    ("MSG_ZEROCOPY is ignored on a socket without SO_ZEROCOPY, so that old programs that set stray flags do not break (tcp_sendmsg_locked, net/ipv4/tcp.c): each byte is copied by the send itself", "套接字未设 SO_ZEROCOPY 时 MSG_ZEROCOPY 被忽略，以免误设标志的旧程序出错 (tcp_sendmsg_locked, net/ipv4/tcp.c)：每个字节都由发送本身拷贝"),
    ("the device lacks scatter-gather: the kernel copies every packet into one piece before it passes it on (skb_segment, called by validate_xmit_skb)", "设备没有散布-聚集：内核把每个数据包拷贝成一整块再交出去 (skb_segment，由 validate_xmit_skb 调用)"),
    ("O_DIRECT moves whole blocks only, so that chunks are rounded to a multiple of 4 KiB", "O_DIRECT 只搬运整块，所以块的大小被取整为 4 KiB 的倍数"),
    ("transferTo gets the size of the file (fstat) before each sendfile", "transferTo 在每次 sendfile 之前先取文件大小 (fstat)"),
    ("nginx checks for other connections after each transfer (epoll_wait)", "nginx 在每次传输之后检查其他连接 (epoll_wait)"),
    ("every message of 1 KiB is a write of its own", "每条 1 KiB 的消息都是单独的一次 write"),
    ("Netty passes all that is left to the kernel, not a chunk", "Netty 把剩下的全部交给内核，而不是一块"),
    // Notes on a finding.
    ("no DMA from storage: the page cache was warm (see --cold)", "没有来自存储的 DMA：页缓存是热的 (见 --cold)"),
    ("no DMA to the network: no hardware is behind this sink ({})", "没有到网络的 DMA：这个目的地背后没有硬件 ({0})"),
    ("measured at the device: {} bytes of the payload left as references to pages, {} were copied into packets", "在设备处测得：{0} 字节以页引用的方式离开，{1} 字节被拷贝进数据包"),
    ("TCP retransmitted {} bytes: the network stack copied them again", "TCP 重传了 {0} 字节：网络栈又拷贝了一次"),
    ("copies are modelled, moved bytes are measured: {}", "拷贝是模型，搬运的字节是实测：{0}"),
    ("copies are assumed, moved bytes are measured: {}", "拷贝是假定，搬运的字节是实测：{0}"),
    ("copies not measured: {}", "未测量拷贝：{0}"),
    ("this kernel does not let programs count them", "这个内核不允许程序计数"),
    ("for a zero-copy send the kernel reports to the program whether it copied, not how many bytes", "对零拷贝发送，内核只向程序报告是否拷贝，不报告多少字节"),
    ("zero-copy was requested for {} sends; the kernel reported to the program that it copied {} of them", "请求了 {0} 次零拷贝发送；内核向程序报告，它拷贝了其中 {1} 次"),
    ("zero-copy was requested; no notification came: the kernel ignored the request", "请求了零拷贝；没有通知到来：内核忽略了请求"),
    ("two files in memory, because the directory's file system would have shared extents", "两个文件都在内存中，因为该目录的文件系统会共享区段"),
    ("on a temporary {} file system in a file", "在一个文件里的临时 {0} 文件系统上"),
    // Hazards.
    ("direct I/O with a misaligned buffer, offset or length", "缓冲区、偏移或长度未对齐的直接 I/O"),
    ("many tiny files through mmap", "用 mmap 读许多小文件"),
    ("splice is limited by the size of its pipe", "splice 受管道大小的限制"),
    ("a file is truncated while sendfile sends it", "sendfile 发送时文件被截短"),
    ("a mapped file is truncated while it is read", "读取映射的文件时它被截短"),
    ("The device transfers whole blocks to memory that it can address: buffer, offset and length must be aligned. What happens otherwise depends on the file system.", "设备把整块传输到它能寻址的内存：缓冲区、偏移和长度必须对齐。否则怎样取决于文件系统。"),
    ("read copies a small file with one call. mmap copies nothing, but needs two calls and a page fault, and a mapping is a whole page even where the file is not.", "read 用一次调用拷贝小文件。mmap 不拷贝，但需要两次调用和一次缺页异常，而且文件不足一页时映射也是整页。"),
    ("A pipe holds 16 pages by default, so a splice of a megabyte moves 64 KiB. With F_SETPIPE_SZ the same transfer takes a sixteenth of the calls.", "管道默认存放 16 页，所以一兆字节的 splice 只搬运 64 KiB。用 F_SETPIPE_SZ，同样的传输只需十六分之一的调用。"),
    ("sendfile stops where the file ends now: no error, no signal, only a smaller number. A program that had announced the old length has promised too much.", "sendfile 停在文件现在的末尾：没有错误，没有信号，只有更小的数字。已宣布旧长度的程序承诺得太多了。"),
    ("A page that the file no longer has cannot be mapped: the reader gets no error but a signal, which kills it. The rest of the last page reads as zeros.", "文件不再拥有的页无法映射：读者收到的不是错误而是信号，信号会杀死它。最后一页的剩余部分读出来是零。"),
    ("a program that works on one disk gets EINVAL on the next, or silently uses the page cache, which it wanted to avoid", "程序在一块磁盘上正常，在另一块上却得到 EINVAL，或者悄悄用了它想避开的页缓存"),
    ("the copy that mmap saves costs less than the page fault that it adds: slower than read, and most of the address space is padding", "mmap 省下的拷贝比它增加的缺页异常便宜：比 read 慢，而且地址空间大部分是填充"),
    ("a proxy that splices with default pipes makes as many system calls as one that copies with a 64 KiB buffer", "用默认管道做 splice 的代理，系统调用次数和用 64 KiB 缓冲区拷贝的一样多"),
    ("an HTTP response is shorter than its Content-Length; the client waits, and the connection cannot be used again", "HTTP 响应比 Content-Length 短；客户端一直等，连接不能再用"),
    ("log rotation with copytruncate, or a configuration file that is written in place, kills every program that has the file mapped", "用 copytruncate 轮转日志，或原地写配置文件，会杀死所有映射了该文件的程序"),
    // What was seen of them.
    ("truncated to {} bytes: reading offset {} of the mapping, address {}, killed the reader with SIGBUS, which reported {} (BUS_ADRERR: the address does not exist)", "截短到 {0} 字节：读取映射的偏移 {1}，地址 {2}，读者被 SIGBUS 杀死，信号报告 {3} (BUS_ADRERR：地址不存在)"),
    ("read() at the same offset returned {}, and afterwards {}: no error, no signal", "同一偏移的 read() 返回 {0}，截短后返回 {1}：没有错误，没有信号"),
    ("one byte after the end, on the last page, reads as {}", "最后一页上，末尾之后的一个字节读出来是 {0}"),
    ("the pipe holds {} bytes", "管道存放 {0} 字节"),
    ("with a pipe of {} bytes, {} calls moved {} bytes: {} each", "管道为 {0} 字节时，{1} 次调用搬运了 {2} 字节：每次 {3}"),
    ("{} files of {} bytes hold {} bytes of memory: {} are padding", "{0} 个 {1} 字节的文件占用 {2} 字节内存：{3} 字节是填充"),
    ("read: {} calls, {} page faults, {} bytes moved", "read：{0} 次调用，{1} 次缺页异常，搬运 {2} 字节"),
    ("mmap: {} calls, {} page faults, no byte copied", "mmap：{0} 次调用，{1} 次缺页异常，没有拷贝"),
    ("sendfile of {} bytes of a file that was truncated to {} during the call returned {}, without an error", "sendfile {0} 字节，调用期间文件被截短到 {1}，返回 {2}，没有错误"),
    ("the next call returned {}, as at the end of any file", "下一次调用返回 {0}，和在任何文件的末尾一样"),
    ("{} bytes arrived", "到达 {0} 字节"),
    ("zc counted {} bytes: what was sent, not the request", "zc 计得 {0} 字节：是发送的，不是请求的"),
    ("the kernel requires buffers aligned to {} bytes, offsets and lengths to {} (statx, STATX_DIOALIGN)", "内核要求缓冲区对齐到 {0} 字节，偏移和长度对齐到 {1} (statx, STATX_DIOALIGN)"),
    ("the kernel does not report its rules (statx, STATX_DIOALIGN)", "内核不报告它的规则 (statx, STATX_DIOALIGN)"),
    ("buffer, offset and length aligned: {} bytes, right", "缓冲区、偏移和长度都对齐：{0} 字节，正确"),
    ("a buffer at an odd address: {} bytes, right", "奇数地址的缓冲区：{0} 字节，正确"),
    ("an odd offset: {} bytes, right", "奇数偏移：{0} 字节，正确"),
    ("an odd length: {} bytes, right", "奇数长度：{0} 字节，正确"),
    ("a buffer at an odd address: refused with EINVAL", "奇数地址的缓冲区：被拒绝，EINVAL"),
    ("an odd offset: refused with EINVAL", "奇数偏移：被拒绝，EINVAL"),
    ("an odd length: refused with EINVAL", "奇数长度：被拒绝，EINVAL"),
    // Figures.
    ("CPU copies/byte", "CPU 拷贝/字节"),
    ("DMA copies/byte", "DMA 拷贝/字节"),
    ("Mode sw./transfer", "模式切换/传输"),
    ("Syscalls", "系统调用"),
    ("Mode switches", "模式切换"),
    ("Ctx sw. vol.", "自愿上下文切换"),
    ("Ctx sw. invol.", "非自愿上下文切换"),
    ("Minor faults", "次缺页异常"),
    ("Major faults", "主缺页异常"),
    ("Cache hits", "缓存命中"),
    ("Cache misses", "缓存未命中"),
    ("Time", "时间"),
    ("CPU time", "CPU 时间"),
    ("Throughput", "吞吐量"),
    ("vs read+write", "相对 read+write"),
    ("CPU ns/byte", "CPU ns/字节"),
    ("Copies of the kernel", "内核的拷贝"),
    ("Copies in user space", "用户空间的拷贝"),
    ("in functions", "在函数中"),
    ("in loops", "在循环中"),
    ("in their faults", "在其缺页异常中"),
    ("code with no file", "无文件的代码"),
    ("code not known", "未知的代码"),
    ("Copy bill", "拷贝账单"),
    ("CPU time of user copies", "用户拷贝的 CPU 时间"),
    ("CPU samples", "CPU 样本"),
];
