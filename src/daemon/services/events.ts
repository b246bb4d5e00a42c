/** k3c.v1.System's Events: what happened and what happens, in messages. */
import type { Event, EventsRequest } from '../../api/gen/k3c.ts';
import type { EventBus } from '../engine/events/bus.ts';
import { eventMatcher } from '../engine/events/filters.ts';
import { streamEvents } from '../engine/events/stream.ts';

interface EventsCall {
  readonly signal: AbortSignal;
  send(event: Event): Promise<void>;
}

/** Sends them until the range ends or the caller goes. */
export async function sendEvents(
  bus: EventBus,
  { since, until, filters }: EventsRequest,
  call: EventsCall,
): Promise<void> {
  const values = Object.fromEntries(Object.entries(filters).map(([name, list]) => [name, list.values]));
  const wanted = { since, until, matches: eventMatcher(values) };
  for await (const { type, action, actor, attributes, timeNano } of streamEvents(bus, wanted, call.signal))
    await call.send({ type, action, actor, attributes: { ...attributes }, time: timeNano });
}
