//! Network devices: which there are, and what they take over from the kernel.

use std::{
    fs, io,
    net::UdpSocket,
    os::fd::AsRawFd as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::zc::deadline;

// `include/uapi/linux/ethtool.h`.
const GET_LINK: u32 = 0x0a;
const GET_CHECKSUM: u32 = 0x16;
const GET_GATHER: u32 = 0x18;
const GET_STRINGS: u32 = 0x1b;
const GET_STATISTICS: u32 = 0x1d;
const GET_SEGMENT: u32 = 0x1e;
/// From what reads a setting to what writes it.
const SET: u32 = 1;
const STATISTICS_NAMES: u32 = 1;
const NAME_BYTES: usize = 32;
const MOST_STATISTICS: usize = 512;

/// What a device does by itself, as far as this is to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// Computes checksums (`tx`).
    pub(crate) checksum: bool,
    /// Takes packets in pieces: scatter-gather (`sg`).
    pub(crate) gather: bool,
    /// Segments large packets (`tso`).
    pub(crate) segment: bool,
}

/// A device of the network namespace of this process.
pub(crate) struct Device(pub(crate) String);

impl Device {
    /// The first device that has this driver.
    pub(crate) fn of_driver(driver: &str) -> Option<Self> {
        fs::read_dir("/sys/class/net").unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            let of = fs::canonicalize(path.join("device/driver")).ok()?;
            let name = path.file_name()?.to_string_lossy().into_owned();
            (of.file_name() == Path::new(driver).file_name()).then_some(Self(name))
        })
    }

    /// Gives it an address and switches it on.
    pub(crate) fn start(&self, address: &str) {
        ip(&format!("addr add {address}/24 dev {}", self.0));
        ip(&format!("link set {} up", self.0));
    }

    /// Waits until packets can leave.
    pub(crate) fn await_carrier(&self) {
        let began = Instant::now();
        while self.get(GET_LINK).unwrap() == 0 {
            assert!(began.elapsed() < deadline(), "{} has no carrier", self.0);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Chooses what it does by itself. Some of it depends on the rest.
    pub(crate) fn choose(&self, features: Features) -> Result<(), String> {
        let Features { checksum, gather, segment } = features;
        let all = [
            (GET_CHECKSUM, checksum, "tx"),
            (GET_GATHER, gather, "sg"),
            (GET_SEGMENT, segment, "tso"),
        ];
        // Without what it depends on a setting is refused: the whole first, then the parts.
        for (get, wanted, _) in all.iter().filter(|(_, wanted, _)| *wanted).chain(&all) {
            let _ = self.ask(*get + SET, u32::from(*wanted));
        }
        for (get, wanted, name) in all {
            if (self.get(get).unwrap() != 0) != wanted {
                let on = if wanted { "on" } else { "off" };
                return Err(format!("{} does not turn {name} {on}", self.0));
            }
        }
        Ok(())
    }

    fn get(&self, command: u32) -> io::Result<u32> {
        self.ask(command, 0)
    }

    /// A command that takes or gives one number (`struct ethtool_value`).
    fn ask(&self, command: u32, number: u32) -> io::Result<u32> {
        let mut value = [command, number];
        // SAFETY: the structure that these commands take.
        unsafe { self.request(value.as_mut_ptr().cast()) }?;
        Ok(value[1])
    }

    /// One of the counters that the driver has, by its name.
    pub(crate) fn statistic(&self, name: &str) -> Option<u64> {
        // A command, which strings, and how many; then the strings.
        let mut names = vec![0_u8; 12 + MOST_STATISTICS * NAME_BYTES];
        names[..4].copy_from_slice(&GET_STRINGS.to_ne_bytes());
        names[4..8].copy_from_slice(&STATISTICS_NAMES.to_ne_bytes());
        // SAFETY: the structure of this command, with room for more strings than a driver has.
        unsafe { self.request(names.as_mut_ptr()) }.ok()?;
        let place = names[12..].chunks(NAME_BYTES).position(|chunk| {
            chunk.split(|byte| *byte == 0).next() == Some(name.as_bytes()) && !name.is_empty()
        })?;
        // A command and how many; then the numbers.
        let mut numbers = vec![0_u64; 1 + MOST_STATISTICS];
        numbers[0] = u64::from(GET_STATISTICS);
        // SAFETY: as above.
        unsafe { self.request(numbers.as_mut_ptr().cast()) }.ok()?;
        numbers.get(1 + place).copied()
    }

    /// # Safety
    /// `data` points to the structure of the command that it begins with.
    unsafe fn request(&self, data: *mut u8) -> io::Result<()> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        // SAFETY: integers and pointers, of which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(self.0.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = data.cast();
        // SAFETY: the caller's; the name ends with a NUL.
        match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Runs the program of this name.
pub(crate) fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().unwrap();
    assert!(status.success(), "ip {words}: {status}");
}

/// Moves this process to a network namespace of its own, in which the kernel sends no router
/// solicitations.
pub(crate) fn own_namespace() {
    // SAFETY: a flag; this process has one thread.
    let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "unshare: {}", io::Error::last_os_error());
    // Absent without IPv6.
    let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}
