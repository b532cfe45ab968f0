//! Counts of streams: how many are open, and who ended those that are not.

use std::sync::Arc;

use super::{Count, Exposition, WorkerMetrics};
use crate::{exchange::EndedBy, streams::StreamKind};

/// The streams of one worker.
#[derive(Debug, Default)]
pub(crate) struct StreamCounts([KindCounts; StreamKind::ALL.len()]);

/// The streams of one kind.
#[derive(Debug, Default)]
struct KindCounts {
    open: Count,
    ended: [Count; EndedBy::ALL.len()],
}

impl StreamCounts {
    pub(crate) fn opened(&self, kind: StreamKind) {
        if let Some(counts) = self.0.get(kind as usize) {
            counts.open.add(1);
        }
    }

    pub(crate) fn closed(&self, kind: StreamKind, by: EndedBy) {
        if let Some(counts) = self.0.get(kind as usize) {
            counts.open.remove_one();
            if let Some(ended) = counts.ended.get(by.number()) {
                ended.add(1);
            }
        }
    }
}

/// Writes the counts of all workers.
pub(super) fn render(text: &mut Exposition, workers: &[Arc<WorkerMetrics>]) {
    let sum = |kind: StreamKind, count: &dyn Fn(&KindCounts) -> Option<&Count>| {
        let counts = workers.iter().filter_map(|worker| worker.streams.0.get(kind as usize));
        counts.filter_map(count).map(Count::value).sum::<u64>()
    };
    text.metric("countersign_open_streams", "gauge", "Streams open, by kind.");
    for kind in StreamKind::ALL {
        text.sample("countersign_open_streams", &[("kind", kind.text())], sum(kind, &|counts| Some(&counts.open)));
    }
    text.metric("countersign_streams_ended_total", "counter", "Streams that ended, by kind and by what ended them.");
    for kind in StreamKind::ALL {
        for by in EndedBy::ALL {
            let total = sum(kind, &|counts| counts.ended.get(by.number()));
            if total > 0 {
                let labels = [("kind", kind.text()), ("by", by.text())];
                text.sample("countersign_streams_ended_total", &labels, total);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Cause;

    #[test]
    fn open_streams_are_counted_and_those_that_ended_by_what_ended_them() {
        let worker = Arc::new(WorkerMetrics::default());
        for by in [EndedBy::Client, EndedBy::Gateway(Cause::Expired), EndedBy::Gateway(Cause::Expired)] {
            worker.streams.opened(StreamKind::EventStream);
            worker.streams.closed(StreamKind::EventStream, by);
        }
        worker.streams.opened(StreamKind::Grpc);
        let mut text = Exposition::default();
        render(&mut text, &[worker]);
        let text = text.into_text();
        for line in [
            r#"countersign_open_streams{kind="event_stream"} 0"#,
            r#"countersign_open_streams{kind="grpc"} 1"#,
            r#"countersign_streams_ended_total{kind="event_stream",by="client"} 1"#,
            r#"countersign_streams_ended_total{kind="event_stream",by="expired"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_way_to_end_has_its_own_place() {
        for (place, by) in EndedBy::ALL.into_iter().enumerate() {
            assert_eq!(by.number(), place);
        }
        for (place, kind) in StreamKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
