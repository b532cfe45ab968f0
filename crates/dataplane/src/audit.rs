//! The audit log: one JSON line for each request, written into a buffer of the worker and out by a thread of its own.
//!
//! Never a token, secret, attribute value, path or query: names, sizes and times. Under pressure lines are dropped and
//! counted, or workers wait, as the operator says.

mod line;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Instant,
};

use tokio::sync::Notify;

use crate::{
    exchange::Record,
    server::{Ended, ended},
};
pub(crate) use line::OperationText;
use line::Seconds;

/// A buffer of this size is handed over at once; a smaller one after a moment.
const FULL: usize = 16 * 1024;
/// Buffers on their way to the writer.
const MOST_WAITING: usize = 1024;

/// What happens when lines come faster than they can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditPressure {
    /// Lines are dropped, and counted.
    #[default]
    Drop,
    /// Requests wait.
    Block,
}

/// The audit log of a process.
#[derive(Debug)]
pub struct AuditLog {
    sender: Arc<SyncSender<Chunk>>,
    pressure: AuditPressure,
    counts: Arc<AuditCounts>,
    recent: Arc<RecentLines>,
    writer: JoinHandle<()>,
}

/// What became of the lines.
#[derive(Debug, Default)]
pub struct AuditCounts {
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl AuditCounts {
    /// Returns the lines dropped under pressure.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns the lines that could not be written.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    lines: u64,
}

impl AuditLog {
    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub fn start(output: impl Write + Send + 'static, pressure: AuditPressure) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let counts = Arc::new(AuditCounts::default());
        let recent = Arc::new(RecentLines::default());
        let (counted, kept) = (Arc::clone(&counts), Arc::clone(&recent));
        let write = move || write(output, &receiver, (&counted, &kept));
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(write)?;
        Ok(Self { sender: Arc::new(sender), pressure, counts, recent, writer })
    }

    /// Returns the counts, for the metrics.
    pub fn counts(&self) -> Arc<AuditCounts> {
        Arc::clone(&self.counts)
    }

    /// Returns the last lines, for whoever looks at them.
    pub(crate) fn recent(&self) -> Arc<RecentLines> {
        Arc::clone(&self.recent)
    }

    /// Returns a way to write what an operator does; it does not keep the log open.
    pub(crate) fn notes(&self) -> AuditNotes {
        AuditNotes(Arc::downgrade(&self.sender))
    }

    /// Waits until every line is written, but no longer than `until`: whoever reads the log may have stopped.
    pub(crate) fn finish(self, until: Instant) {
        drop(self.sender);
        match ended(self.writer, until) {
            Ended::Well => {}
            Ended::Failed => tracing::error!("the audit log's writer failed"),
            Ended::Not => tracing::error!("the audit log takes no more lines: the last ones are lost"),
        }
    }

    pub(crate) fn buffer(&self) -> AuditBuffer {
        AuditBuffer {
            sender: SyncSender::clone(&self.sender),
            pressure: self.pressure,
            counts: Arc::clone(&self.counts),
            bytes: RefCell::new(Vec::with_capacity(FULL * 2)),
            lines: Cell::new(0),
            seconds: RefCell::default(),
            has_lines: Notify::new(),
        }
    }
}

/// Writes lines about operators' acts, beside those about requests.
#[derive(Clone, Debug)]
pub struct AuditNotes(Weak<SyncSender<Chunk>>);

impl AuditNotes {
    /// Writes a JSON object as one line. False: the log is full or has ended.
    pub fn write(&self, line: &str) -> bool {
        let chunk = Chunk { bytes: format!("{line}\n").into_bytes(), lines: 1 };
        self.0.upgrade().is_some_and(|sender| sender.try_send(chunk).is_ok())
    }
}

/// The last lines of the audit log, kept by its writer: it costs no worker anything.
#[derive(Debug, Default)]
pub struct RecentLines(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl RecentLines {
    /// How many bytes are kept.
    const MOST_BYTES: usize = 1 << 20;

    /// Returns the lines, the oldest first.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.chunks.iter().map(|chunk| String::from_utf8_lossy(chunk)).collect()
    }

    fn keep(&self, chunk: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += chunk.len();
        kept.chunks.push_back(chunk);
        while kept.bytes > Self::MOST_BYTES && kept.chunks.len() > 1 {
            kept.bytes -= kept.chunks.pop_front().map_or(0, |oldest| oldest.len());
        }
    }
}

fn write(mut output: impl Write, receiver: &Receiver<Chunk>, (counts, recent): (&AuditCounts, &RecentLines)) {
    while let Ok(chunk) = receiver.recv() {
        if let Err(error) = output.write_all(&chunk.bytes).and_then(|()| output.flush()) {
            let failed = counts.failed.fetch_add(chunk.lines, Ordering::Relaxed);
            if failed == 0 {
                tracing::error!(%error, "the audit log cannot be written");
            }
        }
        recent.keep(chunk.bytes);
    }
}

/// One worker's part of the audit log.
pub(crate) struct AuditBuffer {
    sender: SyncSender<Chunk>,
    pressure: AuditPressure,
    counts: Arc<AuditCounts>,
    bytes: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    seconds: RefCell<Seconds>,
    has_lines: Notify,
}

impl AuditBuffer {
    /// Writes one line.
    pub(crate) fn record(&self, record: &Record, operation: Option<&OperationText>) {
        let length = {
            let mut bytes = self.bytes.borrow_mut();
            line::write(&mut bytes, record, operation, &mut self.seconds.borrow_mut());
            bytes.len()
        };
        let lines = self.lines.get();
        self.lines.set(lines + 1);
        if length >= FULL {
            self.flush();
        } else if lines == 0 {
            self.has_lines.notify_one();
        }
    }

    /// Waits until there is a line to flush.
    pub(crate) async fn lines(&self) {
        self.has_lines.notified().await;
    }

    /// Hands all lines to the writer.
    pub(crate) fn flush(&self) {
        let lines = self.lines.take();
        if lines == 0 {
            return;
        }
        let bytes = self.bytes.replace(Vec::with_capacity(FULL * 2));
        let chunk = Chunk { bytes, lines };
        let lost = match self.pressure {
            AuditPressure::Block => self.sender.send(chunk).err().map(|lost| lost.0),
            AuditPressure::Drop => match self.sender.try_send(chunk) {
                Ok(()) => None,
                Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => Some(chunk),
            },
        };
        if let Some(lost) = lost {
            self.counts.dropped.fetch_add(lost.lines, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for AuditBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuditBuffer")
    }
}
