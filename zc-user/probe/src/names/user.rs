//! Names of users.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
};

/// Bytes of the list of users that are read: some tens of thousands of users.
const MOST_BYTES: u64 = 4 << 20;

/// The users that this machine lists in `/etc/passwd`, by id. Others, of a directory service, have no name here; nor
/// does the root of a container have another one than this machine's.
#[must_use]
pub fn all() -> BTreeMap<u32, String> {
    File::open("/etc/passwd").map_or_else(|_| BTreeMap::new(), |file| listed(file.take(MOST_BYTES)))
}

fn listed(text: impl std::io::Read) -> BTreeMap<u32, String> {
    let mut users = BTreeMap::new();
    for line in BufReader::new(text).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let mut fields = line.split(':');
        if let (Some(name), Some(id)) = (fields.next(), fields.nth(1))
            && let Ok(id) = id.parse()
            && !name.is_empty()
        {
            // Of several names the first one is what other tools show.
            users.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_an_id_is_taken_and_other_lines_are_passed_over() {
        let text = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n+::::::\n:x:7:7::/:\nno\nx:x:-1:0::/:\n\
                    www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin";
        let expected = [(0, "root".to_owned()), (33, "www-data".to_owned())];
        assert_eq!(listed(text.as_bytes()), expected.into());
        assert!(listed(&b"\xff:x:1:"[..]).contains_key(&1));
    }
}
