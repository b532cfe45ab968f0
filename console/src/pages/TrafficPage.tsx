/** What goes through, live: counts of the gateway turned into rates, for the last minutes that this page was open. */
import { IconActivity } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { traffic } from '../api/queries';
import { countText, durationText, percentText } from '../model/format';
import { appended, type Sample } from '../model/rates';
import { Empty, Loaded, Page } from '../parts/Page';
import parts from '../parts/parts.module.css';
import { Chart, type Line } from './Chart';
import css from './pages.module.css';

export function TrafficPage() {
  const query = useQuery(traffic);
  const [samples, setSamples] = useState<Sample[]>([]);
  const { data } = query;
  useEffect(() => {
    if (data) setSamples((before) => appended(before, data, Date.now()));
  }, [data]);
  return (
    <Page title="Traffic" lead="Since this page was opened, every two seconds. For longer memory, point Prometheus at /metrics.">
      <Loaded query={query}>
        {(now) => (
          <div className={css.charts}>
            <Panel title="Requests" value={`${rateText(samples.at(-1)?.requests)} / s`} note={`${countText(now.requests)} since the start`} samples={samples} lines={[line('Requests', 'var(--accent)', (sample) => sample.requests)]} format={(value) => `${rateText(value)} / s`} />
            <Refusals samples={samples} />
            <Panel title="Making a new token" value={seconds(samples.at(-1)?.mint99)} note="look-up and signature, slowest 1 % of the last calls" samples={samples} lines={[line('Slowest 1 %', 'var(--jwt-header)', (sample) => sample.mint99), line('Typical', 'var(--accent)', (sample) => sample.mint50)]} format={seconds} />
            <Panel title="Backends" value={seconds(samples.at(-1)?.backend99)} note="how long they take, slowest 1 % of the last calls" samples={samples} lines={[line('Slowest 1 %', 'var(--jwt-header)', (sample) => sample.backend99), line('Typical', 'var(--accent)', (sample) => sample.backend50)]} format={seconds} />
            <Panel title="Served from the cache" value={percentText(samples.at(-1)?.hitRate)} note="of all tokens" samples={samples} lines={[line('From the cache', 'var(--accent)', (sample) => sample.hitRate)]} format={percentText} top={1} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

const COLOURS = ['var(--bad)', 'var(--warn)', 'var(--jwt-claims)', 'var(--jwt-signature)', 'var(--ink-soft)'];

function Refusals({ samples }: { samples: Sample[] }) {
  const last = samples.at(-1);
  const codes = Object.entries(last?.refusals ?? {}).sort(([, a], [, b]) => b - a).slice(0, COLOURS.length).map(([code]) => code).sort();
  const total = Object.values(last?.refusals ?? {}).reduce((sum, rate) => sum + rate, 0);
  if (codes.length === 0) {
    return <section className={parts.card}><Empty icon={<IconActivity />} title="Nothing refused">Calls that the gateway answers itself show here by their code, such as invalid_token or insufficient_scope.</Empty></section>;
  }
  return <Panel title="Refusals" value={`${rateText(total)} / s`} note="by code" samples={samples} lines={codes.map((code, at) => line(code, COLOURS[at] ?? '', (sample) => sample.refusals[code] ?? 0))} format={(value) => `${rateText(value)} / s`} />;
}

interface PanelProps { title: string; value: string; note: string; samples: Sample[]; lines: Line[]; format: (value: number) => string; top?: number }

function Panel({ title, value, note, samples, lines, format, top }: PanelProps) {
  return (
    <section className={`${parts.card} ${parts.padded}`} aria-label={title}>
      <div className={css.chartHead}>
        <div><h2>{title}</h2><span className="soft">{note}</span></div>
        <span className={css.big}>{value}</span>
      </div>
      <Chart title={title} samples={samples} lines={lines} format={format} top={top} />
    </section>
  );
}

function line(name: string, colour: string, of: Line['of']): Line {
  return { name, colour, of };
}

function rateText(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return '–';
  return rate >= 100 ? countText(Math.round(rate)) : rate.toFixed(1);
}

function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < 0.001 ? `${Math.round(value * 1e6)} µs` : value < 1 ? `${(value * 1000).toFixed(1)} ms` : durationText(value);
}
