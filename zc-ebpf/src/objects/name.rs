//! What names an object: the path of a file, the addresses of a socket. Names of files are no data of theirs; nothing
//! that an object holds is read.
//!
//! The path is taken when the object is first seen, since the file may be closed before user space looks. The kernel's
//! locks are not taken: while another thread renames a directory, the components may be those of both names. What is
//! read exists: the kernel frees names and mounts after a grace period of RCU.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel as probe_read_kernel, bpf_probe_read_kernel_str as probe_read_kernel_str,
};
use zc_common::{
    layout::ABSENT,
    object::{DETAIL_DELETED, DETAIL_DONE, DETAIL_OF_PEER, DETAIL_WHOLE, ObjectDetail, TEXT_LEN},
};

use super::{IS_INODE, inode_of, new_detail, object_key, set};
use crate::kernel::{Object, offset, opaque, setting, within};

/// In read-only data: the stack is short.
pub(super) static NOTHING: ObjectDetail = ObjectDetail::ZERO;

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// Describes the object of the open file at an address, unless it is described.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn zc_object_describe(file: u64) -> u64 {
    if setting!(objects) == 0 {
        return 0;
    }
    let Some(key) = object_key(file) else { return 0 };
    let Some(inode) = inode_of(file) else { return 0 };
    let is_inode = file & IS_INODE != 0;
    let alias = if is_inode { alias_of(inode) } else { 0 };
    if is_inode && alias == 0 {
        // Who has it open tells more.
        return 0;
    }
    let Some(detail) = new_detail(&key) else { return 0 };
    let file = Object::untyped(file);
    let block = Object::untyped(inode.read::<u64>(offset!(inode_sb)).unwrap_or_default());
    let mode = inode.read::<u16>(offset!(inode_mode)).unwrap_or_default();
    // SAFETY: fields of a map value.
    unsafe {
        set(&raw mut (*detail).mode, u32::from(mode));
        set(&raw mut (*detail).magic, block.read::<u32>(offset!(sb_magic)).unwrap_or_default());
        set(&raw mut (*detail).rdev, inode.read::<u32>(offset!(inode_rdev)).unwrap_or_default());
    }
    let mut flags = if is_inode {
        // SAFETY: a map value, which this CPU has made.
        unsafe { describe_path(detail, alias, 0) }
    } else if mode & S_IFMT == S_IFSOCK {
        let socket = file.read::<u64>(offset!(file_private_data)).unwrap_or_default();
        // SAFETY: as above.
        unsafe { describe_socket(detail, Object::untyped(socket)) }
    } else {
        let dentry = file.read::<u64>(offset!(file_dentry)).unwrap_or_default();
        let mount = file.read::<u64>(offset!(file_mount)).unwrap_or_default();
        // SAFETY: as above.
        unsafe { describe_path(detail, dentry, mount) }
    };
    if inode.read::<u32>(offset!(inode_links)) == Some(0) {
        flags |= DETAIL_DELETED;
    }
    // SAFETY: a field of a map value. Last: it says that the others are there.
    unsafe { set(&raw mut (*detail).flags, flags | DETAIL_DONE) };
    0
}

/// The name of the inode, the address of a `struct dentry`; 0 when there is none, or more than one: which of them was
/// used is unknown then.
#[inline(always)]
fn alias_of(inode: Object) -> u64 {
    if offset!(dentry_alias) == ABSENT || inode.read::<u32>(offset!(inode_links)) != Some(1) {
        return 0;
    }
    let first = inode.read::<u64>(offset!(inode_dentries)).unwrap_or_default();
    if first == 0 { 0 } else { first.wrapping_sub(u64::from(offset!(dentry_alias))) }
}

/// Writes down the components from `dentry` up to the root of the mount namespace, or to that of the file system when it
/// is not known how that is mounted (0). Flags.
#[inline(always)]
unsafe fn describe_path(detail: *mut ObjectDetail, dentry: u64, vfsmount: u64) -> u32 {
    /// Components and mounts that are gone up.
    const MOST: u32 = 24;
    /// Bytes of a component, with its NUL: of longer names the beginning. The last name is whole
    /// (`NAME_MAX`, `include/uapi/linux/limits.h`).
    const LAST: u32 = 256;
    const OTHERS: u32 = 128;
    /// For the verifier: the bits that either has.
    const SIZES: u32 = LAST | OTHERS;
    /// Where a component may begin at most: all bits set, see below.
    const FARTHEST: u32 = TEXT_LEN as u32 - SIZES - 1;
    const _: () = assert!((FARTHEST + 1).is_power_of_two());

    let mount_of = |vfsmount: u64| vfsmount.wrapping_sub(u64::from(offset!(mount_vfsmount)));
    let known = [offset!(mount_vfsmount), offset!(mount_parent), offset!(mount_point)];
    let has_mounts = vfsmount != 0 && known.iter().all(|offset| *offset != ABSENT);
    // All that a turn of the loop hands on is forgotten, so that the verifier follows each turn once.
    let mut mount = opaque(mount_of(vfsmount));
    let root = Object::untyped(vfsmount).read::<u64>(offset!(vfsmount_root));
    let mut root = opaque(root.unwrap_or_default());
    let mut dentry = opaque(dentry);
    let mut at = 0_u64;
    let mut flags = 0;
    let mut most = opaque(LAST.into());
    if has_mounts {
        let namespace = Object::untyped(mount).read::<u64>(offset!(mount_namespace));
        let namespace = Object::untyped(namespace.unwrap_or_default());
        let number = namespace.read::<u32>(offset!(mount_namespace_inum)).unwrap_or_default();
        // SAFETY: a field of a map value.
        unsafe { set(&raw mut (*detail).namespace, number) };
    }
    for _ in 0..MOST {
        if dentry == 0 || at > u64::from(FARTHEST) {
            break;
        }
        if dentry == root && has_mounts {
            let parent =
                Object::untyped(mount).read::<u64>(offset!(mount_parent)).unwrap_or_default();
            if parent == mount || parent == 0 {
                flags |= DETAIL_WHOLE;
                break;
            }
            let point = Object::untyped(mount).read::<u64>(offset!(mount_point));
            dentry = opaque(point.unwrap_or_default());
            mount = opaque(parent);
            let vfsmount = mount.wrapping_add(u64::from(offset!(mount_vfsmount)));
            let of_mount = Object::untyped(vfsmount).read::<u64>(offset!(vfsmount_root));
            root = opaque(of_mount.unwrap_or_default());
            continue;
        }
        let parent =
            Object::untyped(dentry).read::<u64>(offset!(dentry_parent)).unwrap_or_default();
        // The root of a file system; or, before any name, what has no place in a tree: a pipe, an event.
        let is_top = parent == dentry;
        if is_top && at != 0 {
            break;
        }
        let name = Object::untyped(dentry).read::<u64>(offset!(dentry_name)).unwrap_or_default();
        // SAFETY: from there to the end of the text are that many bytes at least. The mask is for the verifier, which
        // before 6.8 does not connect what was checked with what is read from the stack again.
        let read = unsafe {
            let index = within::<FARTHEST>(at) as usize;
            let place = (&raw mut (*detail).text).cast::<u8>().add(index);
            probe_read_kernel_str(place.cast(), within::<SIZES>(most) as u32, name as *const _)
        };
        if read > 0 && read as u64 <= u64::from(LAST) {
            at = opaque(at + read as u64);
        }
        most = opaque(OTHERS.into());
        if is_top {
            break;
        }
        dentry = opaque(parent);
    }
    // SAFETY: a field of a map value.
    unsafe { set(&raw mut (*detail).text_len, at as u16) };
    flags
}

/// Writes down what both ends of a socket are. Flags.
#[inline(always)]
unsafe fn describe_socket(detail: *mut ObjectDetail, socket: Object) -> u32 {
    const AF_UNIX: u16 = 1;
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;

    let sock = Object::untyped(socket.read::<u64>(offset!(socket_sk)).unwrap_or_default());
    let family = sock.read::<u16>(offset!(sock_family)).unwrap_or_default();
    let net = Object::untyped(sock.read::<u64>(offset!(sock_net)).unwrap_or_default());
    // SAFETY: fields of a map value.
    unsafe {
        set(&raw mut (*detail).family, family);
        set(&raw mut (*detail).socket, socket.read(offset!(socket_type)).unwrap_or_default());
        set(&raw mut (*detail).protocol, sock.read(offset!(sock_protocol)).unwrap_or_default());
        set(&raw mut (*detail).namespace, net.read(offset!(net_inum)).unwrap_or_default());
        if family == AF_INET || family == AF_INET6 {
            let port = sock.read::<u16>(offset!(sock_remote_port)).unwrap_or_default();
            set(&raw mut (*detail).remote_port, u16::from_be(port));
            set(
                &raw mut (*detail).local_port,
                sock.read(offset!(sock_local_port)).unwrap_or_default(),
            );
        }
        if family == AF_INET {
            let remote = sock.read::<u32>(offset!(sock_remote)).unwrap_or_default();
            let local = sock.read::<u32>(offset!(sock_local)).unwrap_or_default();
            set((&raw mut (*detail).remote).cast::<u64>(), remote.into());
            set((&raw mut (*detail).local).cast::<u64>(), local.into());
        } else if family == AF_INET6 && offset!(sock_remote6) != ABSENT {
            for half in 0..2 {
                let remote = sock.read(offset!(sock_remote6) + 8 * half).unwrap_or_default();
                let local = sock.read(offset!(sock_local6) + 8 * half).unwrap_or_default();
                set((&raw mut (*detail).remote).cast::<u64>().add(half as usize), remote);
                set((&raw mut (*detail).local).cast::<u64>().add(half as usize), local);
            }
        } else if family == AF_UNIX {
            return describe_unix(detail, sock);
        }
    }
    0
}

/// Writes down the address of a unix socket, or else of its other end. Flags.
#[inline(always)]
unsafe fn describe_unix(detail: *mut ObjectDetail, sock: Object) -> u32 {
    let other = sock.read::<u64>(offset!(unix_peer)).unwrap_or_default();
    let mut address = sock.read::<u64>(offset!(unix_address)).unwrap_or_default();
    let mut flags = 0;
    // SAFETY: fields of a map value.
    unsafe {
        let links = (&raw mut (*detail).links).cast::<u64>();
        set(links, sock.address());
        set(links.add(1), other);
    }
    if other != 0 {
        let other = Object::untyped(other);
        let socket = other.read::<u64>(offset!(sock_socket)).unwrap_or_default();
        if socket != 0 && offset!(socket_inode) != ABSENT {
            let inode = socket.wrapping_add(u64::from(offset!(socket_inode)));
            let number = Object::untyped(inode).read(offset!(inode_number)).unwrap_or_default();
            // SAFETY: a field of a map value.
            unsafe { set(&raw mut (*detail).peer, number) };
        }
        if address == 0 {
            address = other.read::<u64>(offset!(unix_address)).unwrap_or_default();
            flags = DETAIL_OF_PEER;
        }
    }
    if address == 0 || offset!(unix_address_name) == ABSENT {
        return flags;
    }
    /// `sizeof(sa_family_t)`, and `UNIX_PATH_MAX` of `include/uapi/linux/un.h`.
    const FAMILY: u64 = 2;
    const MOST: u64 = 108;
    let len = Object::untyped(address).read::<u32>(offset!(unix_address_len)).unwrap_or_default();
    let len = u64::from(len).saturating_sub(FAMILY);
    if len == 0 || len > MOST {
        return flags;
    }
    let name = address + u64::from(offset!(unix_address_name)) + FAMILY;
    // SAFETY: the text is longer.
    unsafe {
        probe_read_kernel(
            (&raw mut (*detail).text).cast(),
            within::<0x7f>(len) as u32,
            name as *const _,
        );
        set(&raw mut (*detail).text_len, len as u16);
    }
    flags
}
