/** How dragging works: what is under the pointer, where arrow keys go, and what a screen reader hears. */
import {
  KeyboardCode, KeyboardSensor, MouseSensor, TouchSensor, closestCenter, pointerWithin, useSensor, useSensors,
  type Announcements, type ClientRect, type CollisionDetection, type DroppableContainer, type KeyboardCoordinateGetter, type UniqueIdentifier,
} from '@dnd-kit/core';
import type { Spot } from '../../model/policies';

/** By pointer, what lies under it, the innermost first; by keyboard, what is nearest. */
export const collisions: CollisionDetection = (given) => {
  const input = { ...given, droppableRects: placesOf(given.droppableContainers) };
  if (!input.pointerCoordinates) return closestCenter(input);
  const under = pointerWithin(input);
  return under.sort((a, b) => rank(a.id) - rank(b.id));
};

/**
 * Where the drop zones stand now. The rectangles that dnd-kit keeps are of the drag's start: a lane that grows as it
 * turns into a target, or rows that are read again meanwhile, move the zones below it away from them.
 */
function placesOf(zones: DroppableContainer[]): Map<UniqueIdentifier, ClientRect> {
  return new Map(zones.flatMap((zone) => (zone.node.current ? [[zone.id, zone.node.current.getBoundingClientRect()]] : [])));
}

function rank(id: UniqueIdentifier): number {
  return String(id).startsWith('before:') ? 0 : 1;
}

const FORWARD: string[] = [KeyboardCode.Down, KeyboardCode.Right];
const BACK: string[] = [KeyboardCode.Up, KeyboardCode.Left];

/** Arrow keys go from one drop zone to the next, in the order of the page. */
const nextZone: KeyboardCoordinateGetter = (event, { context, currentCoordinates }) => {
  const step = FORWARD.includes(event.code) ? 1 : BACK.includes(event.code) ? -1 : 0;
  if (step === 0) return undefined;
  event.preventDefault();
  const zones = [...placesOf(context.droppableContainers.getEnabled())]
    .map(([id, rect]) => ({ id, rect }))
    .filter(({ id }) => !String(id).includes(String(context.active?.id)))
    .sort((a, b) => a.rect.top - b.rect.top || a.rect.left - b.rect.left);
  const at = zones.findIndex(({ id }) => id === context.over?.id);
  const zone = zones[at < 0 ? (step > 0 ? 0 : zones.length - 1) : at + step];
  const box = context.collisionRect;
  if (!zone || !box) return currentCoordinates;
  // The zone's middle, so that the nearest centre is this zone's.
  return { x: zone.rect.left + (zone.rect.width - box.width) / 2, y: zone.rect.top + (zone.rect.height - box.height) / 2 };
};

export function usePolicySensors() {
  return useSensors(
    useSensor(MouseSensor, { activationConstraint: { distance: 5 } }),
    useSensor(TouchSensor, { activationConstraint: { delay: 180, tolerance: 8 } }),
    useSensor(KeyboardSensor, { coordinateGetter: nextZone }),
  );
}

interface Named { data: { current?: { title?: string; spot?: Spot } } }

function nameOf(item: Named): string {
  return item.data.current?.title ?? 'The policy';
}

function placeOf(item: Named | null): string {
  const spot = item?.data.current?.spot;
  if (!spot) return 'no drop zone';
  return `the ${spot.flow} flow of ${spot.level === 'api' ? 'the API' : spot.key}`;
}

export const announcements: Announcements = {
  onDragStart: ({ active }) => `${nameOf(active)} is picked up. Arrow keys move it between the flows, space drops it, escape cancels.`,
  onDragOver: ({ active, over }) => `${nameOf(active)} is over ${placeOf(over)}.`,
  onDragEnd: ({ active, over }) => (over ? `${nameOf(active)} was dropped in ${placeOf(over)}.` : `${nameOf(active)} was dropped outside the flows. Nothing changed.`),
  onDragCancel: ({ active }) => `${nameOf(active)} was put back.`,
};

export const screenReaderInstructions = {
  draggable: 'Press space to pick it up, arrow keys to go from flow to flow, space to drop it, escape to cancel. Or use its Add button.',
};
