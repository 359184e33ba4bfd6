//! Between pipes and the callers that read and write them.

use super::{at_return, copied, referenced, whole};

at_return!(
    /// `ssize_t anon_pipe_read(struct kiocb *, struct iov_iter *)`, `fs/pipe.c`, since 6.15;
    /// `pipe_read` before. Named pipes come through it as well.
    PipeRead, zc_pipe_read, "anon_pipe_read", |call| whole(call)
);

at_return!(
    /// `ssize_t anon_pipe_write(struct kiocb *, struct iov_iter *)`; `pipe_write` before 6.15.
    PipeWrite, zc_pipe_write, "anon_pipe_write", |call| whole(call)
);

at_return!(
    /// `int pipe_to_user(...)`, `fs/splice.c`, 5.10 to 7.2: vmsplice out of a pipe.
    PipeToUser, zc_pipe_to_user, "pipe_to_user", |call| copied(call.result_int())
);

at_return!(
    /// `ssize_t splice_to_pipe(...)`, `fs/splice.c`, 5.10 to 7.2.
    SpliceToPipe, zc_splice_to_pipe, "splice_to_pipe", |call| referenced(call.result())
);

at_return!(
    /// `long do_tee(...)`, `fs/splice.c`, 5.10 to 7.2.
    Tee, zc_tee, "do_tee", |call| referenced(call.result())
);
