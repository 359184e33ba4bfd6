//! The mechanisms: one small file each, to be read as a textbook example.

pub(super) mod cache_cold;
pub(super) mod cache_cold_no_readahead;
pub(super) mod cache_warm;
pub(super) mod copy_range_copied;
pub(super) mod copy_range_reflink;
pub(super) mod cow;
pub(super) mod cow_huge;
pub(super) mod direct_read;
pub(super) mod direct_write;
pub(super) mod libaio;
pub(super) mod mmap_write;
pub(super) mod read_write;
pub(super) mod sendfile;
pub(super) mod sendfile_linear;
pub(super) mod sendfile_to_file;
pub(super) mod shared_ring;
pub(super) mod splice;
pub(super) mod tee;
pub(super) mod uring_direct;
pub(super) mod uring_read_write;
pub(super) mod uring_send_zc;
pub(super) mod vmsplice;
pub(super) mod zerocopy;
pub(super) mod zerocopy_unset;
