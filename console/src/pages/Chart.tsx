/** Lines over time, drawn as SVG by hand: a chart library would weigh more than the rest of the page. */
import { MOST, type Sample } from '../model/rates';
import css from './pages.module.css';

export interface Line { name: string; colour: string; of: (sample: Sample) => number | null }

interface ChartProps { title: string; samples: Sample[]; lines: Line[]; format: (value: number) => string; top?: number }

const WIDTH = 480;
const HEIGHT = 150;
const BOTTOM = 18;
const LEFT = 4;

export function Chart({ title, samples, lines, format, top }: ChartProps) {
  const values = samples.flatMap((sample) => lines.map((line) => line.of(sample) ?? 0));
  const highest = top ?? niceTop(Math.max(0, ...values));
  const x = (at: number) => LEFT + ((at + MOST - samples.length) / (MOST - 1)) * (WIDTH - LEFT);
  const y = (value: number) => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - 14);
  const now = samples.at(-1);
  const spoken = now ? lines.map((line) => `${line.name} ${format(line.of(now) ?? 0)}`).join(', ') : 'no values yet';
  return (
    <>
      <svg className={css.chart} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}, last five minutes. Now: ${spoken}`}>
        {[0, 0.5, 1].map((share) => <line key={share} x1={LEFT} x2={WIDTH} y1={y(highest * share)} y2={y(highest * share)} stroke="var(--line)" strokeWidth={1} vectorEffect="non-scaling-stroke" />)}
        {lines.map((line) => <path key={line.name} d={pathOf(samples, line, x, y)} fill="none" stroke={line.colour} strokeWidth={2} vectorEffect="non-scaling-stroke" strokeLinejoin="round" />)}
      </svg>
      <ul className={css.legend}>
        <li>{format(highest)} at the top</li>
        {lines.length > 1 && lines.map((line) => <li key={line.name}><svg width="14" height="4" aria-hidden="true"><rect width="14" height="4" rx="2" fill={line.colour} /></svg>{line.name}</li>)}
      </ul>
    </>
  );
}

function pathOf(samples: Sample[], line: Line, x: (at: number) => number, y: (value: number) => number): string {
  let isDrawing = false;
  return samples.map((sample, at) => {
    const value = line.of(sample);
    if (value === null) { isDrawing = false; return ''; }
    const step = `${isDrawing ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    isDrawing = true;
    return step;
  }).join('');
}

/** The next of 1, 2, 5, 10 … above a value. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 5, 10].find((step) => value <= step * size)) ?? 10) * size;
}
