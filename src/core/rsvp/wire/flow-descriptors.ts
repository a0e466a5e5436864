import type { RsvpFilterSpec } from './filter-spec.ts';
import type { RsvpFlowspec } from './flowspec.ts';
import type { FlowDescriptor, TearDescriptor } from './message-views.ts';
import { STYLE_FF, STYLE_SE, STYLE_WF, type RsvpStyle } from './style.ts';
import { Refused } from './validation-error.ts';

/** What a flow descriptor list is made of. */
export type FlowObject = RsvpFlowspec | RsvpFilterSpec;

/** The style's option vector without its 19 reserved bits (RFC 2205 A.7). @throws Refused for one that is not WF, FF or SE. */
function styleBits(style: RsvpStyle): number {
  const bits = style.optionVector & 0x1f;
  if (bits === STYLE_WF || bits === STYLE_FF || bits === STYLE_SE) return bits;
  const detail = `style 0x${style.optionVector.toString(16).padStart(6, '0')} is not WF, FF or SE`;
  throw new Refused({ reason: 'unknownStyle', detail, optionVector: style.optionVector });
}

/** Groups the objects after STYLE by the rules of the style; FLOWSPEC may be left out (RFC 2205 3.1.6). @throws Refused */
export function tearDescriptors(style: RsvpStyle, flow: readonly FlowObject[]): TearDescriptor[] {
  const bits = styleBits(style);
  const flowspecs = flow.filter((object) => object.kind === 'flowspec');
  const filters = flow.filter((object) => object.kind === 'filterSpec');
  const refuse = (rule: string): never => {
    const detail = `${rule}, not ${flowspecs.length} FLOWSPEC and ${filters.length} FILTER_SPEC objects`;
    throw new Refused({ reason: 'badFlowDescriptors', detail, flowspecs: flowspecs.length, filters: filters.length });
  };
  if (bits === STYLE_WF) {
    if (flowspecs.length > 1 || filters.length > 0) return refuse('WF has one flowspec');
    return [{ flowspec: flowspecs[0] ?? null, filters: [] }];
  }
  if (bits === STYLE_SE) {
    const flowspecFirst = flowspecs.length === 0 || (flowspecs.length === 1 && flow[0] === flowspecs[0]);
    if (!flowspecFirst || filters.length === 0) return refuse('SE has one flowspec and then its filters');
    return [{ flowspec: flowspecs[0] ?? null, filters }];
  }
  // A FLOWSPEC "can be omitted if it is identical to the most recent such object" of the list (RFC 2205 3.1.4).
  const descriptors: TearDescriptor[] = [];
  let current: RsvpFlowspec | null = null;
  let used = true;
  for (const object of flow) {
    if (object.kind === 'flowspec') {
      if (!used) return refuse('FF has a filter for every flowspec');
      current = object;
      used = false;
    } else {
      descriptors.push({ flowspec: current, filters: [object] });
      used = true;
    }
  }
  if (!used || descriptors.length === 0) return refuse('FF has a filter for every flowspec');
  return descriptors;
}

/** Groups the objects after STYLE by the rules of the style (RFC 2205 3.1.4). @throws Refused */
export function flowDescriptors(style: RsvpStyle, flow: readonly FlowObject[]): FlowDescriptor[] {
  return tearDescriptors(style, flow).map(({ flowspec, filters }) => {
    if (flowspec !== null) return { flowspec, filters };
    throw new Refused({ reason: 'missingObject', detail: 'flow descriptor without FLOWSPEC', className: 'FLOWSPEC' });
  });
}

/** "A ResvErr message contains only one flow descriptor" (RFC 2205 3.1.8). @throws Refused */
export function onlyDescriptor(style: RsvpStyle, flow: readonly FlowObject[]): FlowDescriptor {
  const descriptors = flowDescriptors(style, flow);
  if (descriptors.length === 1) return descriptors[0]!;
  const flowspecs = flow.filter((object) => object.kind === 'flowspec').length;
  const detail = `ResvErr has one flow descriptor, not ${descriptors.length}`;
  throw new Refused({ reason: 'badFlowDescriptors', detail, flowspecs, filters: flow.length - flowspecs });
}
