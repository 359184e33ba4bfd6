//! More processes at the same time than the table has slots.

use super::{Child, Gate, fork};

/// Bytes that each process duplicates: hardly any other process on the machine calls tee(2).
pub(crate) const BYTES: usize = 1009;

/// `count` processes that are alive together, and each call tee(2) once.
pub(super) fn crowd(count: usize) {
    let (mut start, mut end) = (Gate::closed(), Gate::closed());
    let children: Vec<_> = (0..count)
        .map(|_| {
            fork(|| {
                start.wait();
                duplicate();
                end.wait();
                0
            })
        })
        .collect();
    start.await_arrivals(count);
    start.open();
    end.await_arrivals(count);
    end.open();
    children.iter().for_each(Child::succeed);
}

fn duplicate() {
    let mut ends = [[0; 2]; 2];
    let buffer = [1_u8; BYTES];
    // SAFETY: room for the descriptors, and a buffer with its length.
    unsafe {
        for pipe in &mut ends {
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        }
        let written = libc::write(ends[0][1], buffer.as_ptr().cast(), BYTES);
        assert_eq!(written, BYTES as isize);
        assert_eq!(libc::tee(ends[0][0], ends[1][1], BYTES, 0), BYTES as isize);
    }
}
