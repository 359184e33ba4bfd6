//! Between the page cache and the callers that read and write it.

use super::{Traced, at_return, copied, referenced, whole};
use crate::{account::Account, kernel::offset};

at_return!(
    /// `ssize_t filemap_read(struct kiocb *, struct iov_iter *, ssize_t already_read)`,
    /// `mm/filemap.c`, since 5.12; `generic_file_buffered_read` with the same arguments before. It
    /// returns what was read before it was called, too.
    FilemapRead, zc_filemap_read, "filemap_read", |call| {
        let result = call.result();
        if result > 0 && call.copies() {
            copied(result - call.length() as i64);
        }
    }
);

at_return!(
    /// `ssize_t shmem_file_read_iter(struct kiocb *, struct iov_iter *)`, `mm/shmem.c`, 5.10 to 7.2.
    ShmemRead, zc_shmem_read, "shmem_file_read_iter", |call| whole(call)
);

at_return!(
    /// `ssize_t hugetlbfs_read_iter(struct kiocb *, struct iov_iter *)`, `fs/hugetlbfs/inode.c`.
    HugetlbRead, zc_hugetlb_read, "hugetlbfs_read_iter", |call| whole(call)
);

at_return!(
    /// `ssize_t seq_read_iter(struct kiocb *, struct iov_iter *)`, `fs/seq_file.c`, 5.10 to 7.2.
    SeqRead, zc_seq_read, "seq_read_iter", |call| whole(call)
);

at_return!(
    /// `ssize_t generic_perform_write(struct kiocb *, struct iov_iter *)`, `mm/filemap.c`; a third
    /// argument in 5.10.
    PerformWrite, zc_perform_write, "generic_perform_write", |call| whole(call)
);

at_return!(
    /// `ssize_t iomap_file_buffered_write(struct kiocb *, struct iov_iter *, ...)`,
    /// `fs/iomap/buffered-io.c`: three arguments in 5.10, five in 7.2.
    IomapWrite, zc_iomap_write, "iomap_file_buffered_write", |call| whole(call)
);

at_return!(
    /// `ssize_t fuse_perform_write(struct kiocb *, struct iov_iter *)`, `fs/fuse/file.c`, built in
    /// since 6.12.
    FuseWrite, zc_fuse_write, "fuse_perform_write", |call| whole(call)
);

at_return!(
    /// `int bio_iov_iter_get_pages(struct bio *, struct iov_iter *, ...)`, `block/bio.c`, 5.10 to
    /// 7.2: the caller's pages become those of a request.
    DirectPages, zc_direct_pages, "bio_iov_iter_get_pages", |call| pinned(call)
);

#[inline(always)]
fn pinned<const SITE: usize>(call: Traced<SITE>) {
    if call.result_int() != 0 {
        return;
    }
    let bytes = u64::from(call.object(0).load::<u32>(offset!(bio_size)));
    if let Some(account) = Account::current() {
        account.note_direct(bytes);
    }
}

at_return!(
    /// `ssize_t filemap_splice_read(...)`, `mm/filemap.c`, since 6.5; `generic_file_splice_read`
    /// before.
    FileSplice, zc_file_splice, "filemap_splice_read", |call| referenced(call.result())
);

at_return!(
    /// `ssize_t shmem_file_splice_read(...)`, `mm/shmem.c`, since 6.5.
    ShmemSplice, zc_shmem_splice, "shmem_file_splice_read", |call| referenced(call.result())
);

at_return!(
    /// `ssize_t process_vm_rw(...)`, `mm/process_vm_access.c`: seven arguments, which trampolines
    /// take since 6.3 or so.
    ProcessVm, zc_process_vm, "process_vm_rw", |call| copied(call.result())
);

at_return!(
    /// `struct msg_msg *load_msg(const void __user *, size_t len)`, `ipc/msgutil.c`: an address, or
    /// an error.
    LoadMessage, zc_load_message, "load_msg", |call| {
        const MAX_ERRNO: i64 = 4095;
        if !(-MAX_ERRNO..=0).contains(&call.result()) {
            copied(call.integer(1) as i64);
        }
    }
);

at_return!(
    /// `int store_msg(void __user *, struct msg_msg *, size_t len)`, `ipc/msgutil.c`.
    StoreMessage, zc_store_message, "store_msg", |call| {
        if call.result_int() == 0 {
            copied(call.integer(2) as i64);
        }
    }
);

at_return!(
    /// `ssize_t fuse_dev_do_read(...)`, `fs/fuse/dev.c`: headers included.
    FuseDeviceRead, zc_fuse_device_read, "fuse_dev_do_read", |call| copied(call.result())
);

at_return!(
    /// `ssize_t fuse_dev_do_write(...)`, `fs/fuse/dev.c`: headers included.
    FuseDeviceWrite, zc_fuse_device_write, "fuse_dev_do_write", |call| copied(call.result())
);
