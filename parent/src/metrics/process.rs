//! The process's own metrics, by the names that Prometheus's client libraries share, read when they are scraped.

use std::{
    fmt, fs,
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};
use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// The process that made this.
#[derive(Debug)]
pub(super) struct Process {
    started: SystemTime,
}

impl Process {
    /// At its start.
    pub(super) fn started_now() -> Self {
        Process {
            started: SystemTime::now(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::try_from(cpu).unwrap_or_default().as_secs_f64();
        ConstCounter::new(cpu).encode(encoder.encode_descriptor(
            "process_cpu",
            "Time that processors spent on the process, the kernel's for it included",
            Some(&Unit::Seconds),
            MetricType::Counter,
        )?)?;
        let mut gauge = |name, help, unit: Option<Unit>, value: f64| {
            let encoder =
                encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            ConstGauge::new(value).encode(encoder)
        };
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH);
        gauge(
            "process_start_time",
            "When the process started, since 1970",
            Some(Unit::Seconds),
            started.unwrap_or_default().as_secs_f64(),
        )?;
        if let Some(bytes) = resident_bytes() {
            gauge(
                "process_resident_memory",
                "Memory that the process has",
                Some(Unit::Bytes),
                bytes as f64,
            )?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            let open = open.count().saturating_sub(1);
            gauge("process_open_fds", "Open files", None, open as f64)?;
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            gauge("process_max_fds", "The most open files", None, most as f64)?;
        }
        Ok(())
    }
}

/// The second number of /proc/self/statm is in pages (proc(5)).
fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}
