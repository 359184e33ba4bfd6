//! The mechanisms: one small file each, to be read as a textbook example.

pub(crate) mod cache_cold;
pub(crate) mod cache_cold_no_readahead;
pub(crate) mod cache_warm;
pub(crate) mod copy_range_copied;
pub(crate) mod copy_range_reflink;
pub(crate) mod cow;
pub(crate) mod cow_huge;
pub(crate) mod direct_read;
pub(crate) mod direct_write;
pub(crate) mod hand_over;
pub(crate) mod libaio;
pub(crate) mod mmap_write;
pub(crate) mod read_write;
pub(crate) mod sendfile;
pub(crate) mod sendfile_linear;
pub(crate) mod sendfile_to_file;
pub(crate) mod shared_ring;
pub(crate) mod splice;
pub(crate) mod tee;
pub(crate) mod uring_direct;
pub(crate) mod uring_read_write;
pub(crate) mod uring_send_zc;
pub(crate) mod vmsplice;
pub(crate) mod zerocopy;
pub(crate) mod zerocopy_unset;
