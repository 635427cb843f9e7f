//! What the operator says: flags, environment variables and TOML files, which all have the same names.
//!
//! A flag goes before its environment variable, that before a file, and a file before the default.

mod file;
#[cfg(test)]
mod tests;
mod value;

use std::{
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use sealnote_transport::Endpoint;
use serde::Deserialize;

use self::value::{text, texts};
pub use self::{file::SettingsError, value::Seconds};
use crate::{
    Balance, Config, Enclave, Enclaves, Endorsements, Listen, ProxyProtocol,
    egress::{Allowlist, Route, Routes},
    log::LogFormat,
};

/// All that can be set, and none of it must be. As a file its keys are the flags' names: `max-connections = 64`.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where clients come in: vsock:CID:PORT, tcp:HOST:PORT or unix:PATH; or systemd, for the socket of its socket unit
    #[arg(long, value_name = "ADDR", env = "SEALNOTE_PARENT_LISTEN")]
    #[serde(default, deserialize_with = "text")]
    pub listen: Option<Listen>,

    /// Where an enclave listens, as vsock:16:5005; given again for each further one. With ,weight=2 it gets twice its share of
    /// clients, with ,drain no more than it has. In the environment variable spaces stand between them
    #[arg(
        long,
        value_name = "ADDR[,weight=N][,drain]",
        value_delimiter = ' ',
        env = "SEALNOTE_PARENT_ENCLAVE"
    )]
    #[serde(default, deserialize_with = "texts")]
    pub enclave: Option<Vec<Enclave>>,

    /// Which of several enclaves a client gets, least-connections unless given
    #[arg(
        long,
        value_name = "HOW",
        env = "SEALNOTE_PARENT_BALANCE",
        help_heading = ENCLAVES
    )]
    pub balance: Option<Balance>,

    /// Probe an enclave so often at most, while no session shows that it is well: 10 unless given. It makes its evidence each time
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_PROBE_INTERVAL",
        help_heading = ENCLAVES
    )]
    pub probe_interval: Option<Seconds>,

    /// Whether each connection begins with a PROXY protocol header, whose address is then the client's. Only where nobody but
    /// a proxy that you trust reaches the listener, which is TCP or a Unix socket: anybody can write one. Off unless given
    #[arg(long, value_name = "VERSION", env = "SEALNOTE_PARENT_PROXY_PROTOCOL")]
    pub proxy_protocol: Option<ProxyProtocol>,

    /// The most clients at a time, 160 unless given; one more is told that the parent is full
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTIONS",
        help_heading = LIMITS
    )]
    pub max_connections: Option<NonZeroUsize>,

    /// The most clients at a time from one IPv4 address, IPv6 /64 or vsock CID, 48 unless given; one more is told that the
    /// parent is full
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTIONS_PER_ADDRESS",
        help_heading = LIMITS
    )]
    pub max_connections_per_address: Option<NonZeroUsize>,

    /// The most new clients in a second, and as many at once; one more is told that the parent is full. No limit unless given
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTION_RATE",
        help_heading = LIMITS
    )]
    pub max_connection_rate: Option<NonZeroU32>,

    /// The most new clients in a second from one IPv4 address, IPv6 /64 or vsock CID, and as many at once; one more is told
    /// that the parent is full. No limit unless given
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_MAX_CONNECTION_RATE_PER_ADDRESS",
        help_heading = LIMITS
    )]
    pub max_connection_rate_per_address: Option<NonZeroU32>,

    /// Close a connection whose client has sent nothing so long after it came, or whose enclave has sent nothing so long
    /// after it was reached: 30 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_HANDSHAKE_TIMEOUT",
        help_heading = LIMITS
    )]
    pub handshake_timeout: Option<Seconds>,

    /// How long a client is held while the enclave does not answer, as when it boots: 60 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_CONNECT_TIMEOUT",
        help_heading = LIMITS
    )]
    pub connect_timeout: Option<Seconds>,

    /// Close a connection over which nothing has moved for so long: 3600 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_IDLE_TIMEOUT",
        help_heading = LIMITS
    )]
    pub idle_timeout: Option<Seconds>,

    /// Close a connection that has lasted so long, busy or not: 7200 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_LIFETIME_TIMEOUT",
        help_heading = LIMITS
    )]
    pub lifetime_timeout: Option<Seconds>,

    /// Close a connection that has carried so many bytes, both ways added up. No limit unless given
    #[arg(
        long,
        value_name = "BYTES",
        env = "SEALNOTE_PARENT_MAX_BYTES_PER_CONNECTION",
        help_heading = LIMITS
    )]
    pub max_bytes_per_connection: Option<NonZeroU64>,

    /// Serve HTTP here: /metrics for Prometheus, /healthz and /readyz. Not for strangers: it has no access control
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_METRICS_LISTEN",
        help_heading = OPERATION
    )]
    #[serde(default, deserialize_with = "text")]
    pub metrics_listen: Option<Endpoint>,

    /// After the order to stop: how long clients are still let in while /readyz says that they should not come, so that a
    /// load balancer sees it first; not at all unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_DRAIN_DELAY",
        help_heading = OPERATION
    )]
    pub drain_delay: Option<Seconds>,

    /// After that: how long open connections may go on, 10 unless given
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_DRAIN_TIMEOUT",
        help_heading = OPERATION
    )]
    pub drain_timeout: Option<Seconds>,

    /// Log the counters so often
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SEALNOTE_PARENT_METRICS_INTERVAL",
        help_heading = OPERATION
    )]
    pub metrics_interval: Option<Seconds>,

    /// How the log is written, to standard error
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SEALNOTE_PARENT_LOG_FORMAT",
        help_heading = OPERATION
    )]
    pub log_format: Option<LogFormat>,

    /// Log the addresses of clients that are turned away; without it no line has an address
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        env = "SEALNOTE_PARENT_LOG_ADDRESSES",
        help_heading = OPERATION
    )]
    pub log_addresses: Option<bool>,

    /// Hand no more than so many bytes to a vsock at once: 32768 unless given. Some hosts' vsock hangs for good on one write of
    /// 60 KiB or more
    #[arg(
        long,
        value_name = "BYTES",
        env = "SEALNOTE_PARENT_MAX_VSOCK_WRITE",
        help_heading = OPERATION
    )]
    pub max_vsock_write: Option<NonZeroUsize>,

    /// Hand over to the enclave what its machine's vendor signed about it: the files sev-snp, tdx,
    /// azure-vtpm and token of this folder, at the start and then every minute
    #[arg(
        long,
        value_name = "DIR",
        env = "SEALNOTE_PARENT_ENDORSEMENTS",
        help_heading = ENDORSEMENTS
    )]
    pub endorsements: Option<PathBuf>,

    /// Where the enclave takes them, its --endorsements-listen
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_ENDORSEMENTS_TO",
        help_heading = ENDORSEMENTS
    )]
    #[serde(default, deserialize_with = "text")]
    pub endorsements_to: Option<Endpoint>,

    /// Answer the heartbeats of enclaves there, as vsock:any:9000, on a machine without nitro-cli; where there is one, it
    /// does that itself, and fails if anybody else does
    #[arg(
        long,
        value_name = "ADDR",
        env = "SEALNOTE_PARENT_ANSWER_HEARTBEAT",
        help_heading = OPERATION
    )]
    #[serde(default, deserialize_with = "text")]
    pub answer_heartbeat: Option<Endpoint>,

    /// Let the enclave reach HOST:PORT by connecting to ADDR, as vsock:any:8443=kms.eu-central-1.amazonaws.com:443; given again
    /// for each further one. In the environment variable spaces stand between them. Nothing unless given
    #[arg(
        long,
        value_name = "ADDR=HOST:PORT",
        value_delimiter = ' ',
        env = "SEALNOTE_PARENT_EGRESS",
        help_heading = EGRESS
    )]
    #[serde(default, deserialize_with = "texts")]
    pub egress: Option<Vec<Route>>,

    /// What --egress may say: a YAML file as AWS's vsock-proxy reads it, allowlist: [{address: HOST, port: PORT}]
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_EGRESS_ALLOWLIST",
        help_heading = EGRESS
    )]
    pub egress_allowlist: Option<PathBuf>,

    /// The image of the enclave
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_EIF",
        help_heading = RUN
    )]
    pub eif: Option<PathBuf>,

    /// Its memory: four times the image at least
    #[arg(
        long,
        value_name = "MIB",
        env = "SEALNOTE_PARENT_MEMORY",
        help_heading = RUN
    )]
    pub memory: Option<NonZeroU32>,

    /// Its vCPUs: whole cores
    #[arg(
        long,
        value_name = "COUNT",
        env = "SEALNOTE_PARENT_CPUS",
        help_heading = RUN
    )]
    pub cpus: Option<NonZeroU32>,

    /// Its name with nitro-cli, sealnote unless given; that of its replacement has -2 after it, and so in turn
    #[arg(
        long,
        value_name = "NAME",
        env = "SEALNOTE_PARENT_ENCLAVE_NAME",
        help_heading = RUN
    )]
    pub enclave_name: Option<String>,

    /// Its CID, 16 unless given; that of its replacement is the next, and so in turn
    #[arg(
        long,
        value_name = "CID",
        env = "SEALNOTE_PARENT_ENCLAVE_CID",
        help_heading = RUN,
        value_parser = clap::value_parser!(u32).range(4..0xFFFF_FFFE)
    )]
    pub enclave_cid: Option<u32>,

    /// The program nitro-cli, where PATH does not have it
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_NITRO_CLI",
        help_heading = RUN
    )]
    pub nitro_cli: Option<PathBuf>,

    /// Keep in this file which enclaves were started here: a parent that is started anew after a crash then ends them in the
    /// end. Without it, it takes such an enclave over, and never ends it
    #[arg(
        long,
        value_name = "FILE",
        env = "SEALNOTE_PARENT_STATE_FILE",
        help_heading = RUN
    )]
    pub state_file: Option<PathBuf>,

    /// Start the enclave in debug mode, and log what it says on its console; no client accepts it
    #[arg(
        long,
        value_name = "BOOL",
        env = "SEALNOTE_PARENT_DEBUG_CONSOLE",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub debug_console: Option<bool>,

    /// Where the allocator has no room for two enclaves, end the old one before its replacement is started
    #[arg(
        long,
        value_name = "BOOL",
        env = "SEALNOTE_PARENT_REPLACE_BY_RESTART",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub replace_by_restart: Option<bool>,

    /// Let the enclave run when the parent stops, for the next parent to take over
    #[arg(
        long,
        value_name = "BOOL",
        env = "SEALNOTE_PARENT_KEEP_ENCLAVE",
        help_heading = RUN,
        num_args = 0..=1, default_missing_value = "true", require_equals = true
    )]
    pub keep_enclave: Option<bool>,
}

const ENCLAVES: &str = "Enclaves";
const LIMITS: &str = "Limits";
const OPERATION: &str = "Operation";
const ENDORSEMENTS: &str = "Endorsements";
const EGRESS: &str = "Egress";
const RUN: &str = "The enclave of `run`";

impl Settings {
    /// What the parent is told, with defaults for what is not set.
    pub fn config(self) -> Result<Config, SettingsError> {
        let listen = self.listen.ok_or(SettingsError::Missing("listen"))?;
        let enclave = self.enclave.ok_or(SettingsError::Missing("enclave"))?;
        let mut config = Config::with(listen, Enclaves::try_from(enclave)?);
        set(&mut config.balance, self.balance);
        let probe_interval = self.probe_interval.map(Duration::from);
        set(&mut config.probe_interval, probe_interval);
        set(&mut config.proxy_protocol, self.proxy_protocol);
        if let (ProxyProtocol::V2, Listen::At(Endpoint::Vsock { .. })) =
            (config.proxy_protocol, &config.listen)
        {
            return Err(SettingsError::ProxyOverVsock);
        }
        set(&mut config.max_connections, self.max_connections);
        set(
            &mut config.max_connections_per_address,
            self.max_connections_per_address,
        );
        config.max_connection_rate = self.max_connection_rate;
        config.max_connection_rate_per_address = self.max_connection_rate_per_address;
        set(&mut config.handshake_timeout, self.handshake_timeout);
        set(&mut config.connect_timeout, self.connect_timeout);
        set(&mut config.idle_timeout, self.idle_timeout);
        set(&mut config.drain_delay, self.drain_delay);
        set(&mut config.lifetime_timeout, self.lifetime_timeout);
        config.max_bytes_per_connection = self.max_bytes_per_connection;
        set(&mut config.max_vsock_write, self.max_vsock_write);
        set(&mut config.drain_timeout, self.drain_timeout);
        set(&mut config.log_addresses, self.log_addresses);
        config.metrics_listen = self.metrics_listen;
        config.metrics_interval = self.metrics_interval.map(Duration::from);
        config.endorsements = match (self.endorsements, self.endorsements_to) {
            (Some(folder), Some(enclave)) => Some(Endorsements::new(folder, enclave)),
            (None, None) => None,
            (Some(_), None) => return Err(SettingsError::Missing("endorsements-to")),
            (None, Some(_)) => return Err(SettingsError::Missing("endorsements")),
        };
        config.egress.routes = match (self.egress, self.egress_allowlist) {
            (Some(routes), Some(path)) => Routes::allowed(routes, &Allowlist::read(&path)?)?,
            (None, None) => Routes::default(),
            (Some(_), None) => return Err(SettingsError::Missing("egress-allowlist")),
            (None, Some(_)) => return Err(SettingsError::Missing("egress")),
        };
        Ok(config)
    }

    fn over(self, under: Settings) -> Settings {
        Settings {
            listen: self.listen.or(under.listen),
            enclave: self.enclave.or(under.enclave),
            balance: self.balance.or(under.balance),
            probe_interval: self.probe_interval.or(under.probe_interval),
            proxy_protocol: self.proxy_protocol.or(under.proxy_protocol),
            max_connections: self.max_connections.or(under.max_connections),
            max_connections_per_address: self
                .max_connections_per_address
                .or(under.max_connections_per_address),
            max_connection_rate: self.max_connection_rate.or(under.max_connection_rate),
            max_connection_rate_per_address: self
                .max_connection_rate_per_address
                .or(under.max_connection_rate_per_address),
            handshake_timeout: self.handshake_timeout.or(under.handshake_timeout),
            connect_timeout: self.connect_timeout.or(under.connect_timeout),
            idle_timeout: self.idle_timeout.or(under.idle_timeout),
            metrics_listen: self.metrics_listen.or(under.metrics_listen),
            drain_delay: self.drain_delay.or(under.drain_delay),
            lifetime_timeout: self.lifetime_timeout.or(under.lifetime_timeout),
            max_bytes_per_connection: self
                .max_bytes_per_connection
                .or(under.max_bytes_per_connection),
            max_vsock_write: self.max_vsock_write.or(under.max_vsock_write),
            drain_timeout: self.drain_timeout.or(under.drain_timeout),
            metrics_interval: self.metrics_interval.or(under.metrics_interval),
            log_format: self.log_format.or(under.log_format),
            log_addresses: self.log_addresses.or(under.log_addresses),
            endorsements: self.endorsements.or(under.endorsements),
            endorsements_to: self.endorsements_to.or(under.endorsements_to),
            answer_heartbeat: self.answer_heartbeat.or(under.answer_heartbeat),
            egress: self.egress.or(under.egress),
            egress_allowlist: self.egress_allowlist.or(under.egress_allowlist),
            eif: self.eif.or(under.eif),
            memory: self.memory.or(under.memory),
            cpus: self.cpus.or(under.cpus),
            enclave_name: self.enclave_name.or(under.enclave_name),
            enclave_cid: self.enclave_cid.or(under.enclave_cid),
            nitro_cli: self.nitro_cli.or(under.nitro_cli),
            state_file: self.state_file.or(under.state_file),
            debug_console: self.debug_console.or(under.debug_console),
            replace_by_restart: self.replace_by_restart.or(under.replace_by_restart),
            keep_enclave: self.keep_enclave.or(under.keep_enclave),
        }
    }
}

fn set<T>(place: &mut T, value: Option<impl Into<T>>) {
    if let Some(value) = value {
        *place = value.into();
    }
}
