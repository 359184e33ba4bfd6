//! Serving what is counted: metrics for Prometheus, and snapshots for other programs, over HTTP.
//!
//! [`families`] names every metric, and [`grafana`] makes a dashboard of them. Each snapshot goes into the [`account`], which keeps counters that only rise, and
//! whose [`guard`] decides which groups have series of their own. [`exposition`] writes it in the formats of Prometheus.
//! The [`station`] has an answer to every request, [`http`] the connections, and [`listen`] the sockets. [`connect`] is the
//! other end: a source of snapshots that another `zc` serves.
//!
//! Knows neither the probes nor the command line.

pub mod account;
pub mod by;
pub mod collect;
pub mod connect;
pub mod counted;
pub mod exposition;
pub mod families;
pub mod grafana;
pub mod guard;
pub mod http;
mod landing;
pub mod listen;
pub mod notify;
pub mod station;
