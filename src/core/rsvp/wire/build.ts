import { assertNever } from '../../base/assert-never.ts';
import { leading } from './extensions.ts';
import type { DepartingMessage, FlowDescriptor, TearDescriptor, ValidMessage } from './message-views.ts';
import { MESSAGE_TYPE, type RsvpMessage } from './message.ts';
import type { RsvpObject } from './objects.ts';

/** Lays the objects out in the order that RFC 2205 3.1.3 to 3.1.9 recommends; `unknown` goes where POLICY_DATA goes. */
export function buildMessage(view: DepartingMessage): RsvpMessage {
  const { sendTtl } = view;
  if (view.kind === 'formatErr') {
    const objects = [...leading(view.extensions ?? {}), ...view.objects];
    return { type: MESSAGE_TYPE[view.type], flags: 0, sendTtl, objects };
  }
  return { type: MESSAGE_TYPE[view.kind], flags: 0, sendTtl, objects: objectsOf(view) };
}

/** The extensions' places: RFC 2961 4.1 for the first ones, RFC 3209 3.1 and 3.2 for routes, RFC 2205 for SCOPE and policy. */
function objectsOf(view: ValidMessage): RsvpObject[] {
  const { extensions } = view;
  if (extensions === undefined) return plainObjects(view, [], []);
  const { explicitRoute, scope, policyData, dclass, recordRoute } = extensions;
  const middle = [...optional(explicitRoute), ...optional(scope), ...(policyData ?? []), ...optional(dclass)];
  return [...leading(extensions), ...plainObjects(view, middle, optional(recordRoute))];
}

const optional = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value]);

function plainObjects(view: ValidMessage, middle: RsvpObject[], last: RsvpObject[]): RsvpObject[] {
  switch (view.kind) {
    case 'path':
      return [view.session, view.hop, view.timeValues, ...middle, ...view.unknown, ...senderDescriptor(view), ...last];
    case 'resv':
      return [
        view.session,
        view.hop,
        view.timeValues,
        ...present(view.resvConfirm),
        ...middle,
        ...view.unknown,
        view.style,
        ...flowObjects(view.flowDescriptors),
        ...last,
      ];
    case 'pathErr':
      return [view.session, view.errorSpec, ...middle, ...view.unknown, ...senderDescriptor(view), ...last];
    case 'resvErr':
      return [
        view.session,
        view.hop,
        view.errorSpec,
        ...middle,
        ...view.unknown,
        view.style,
        ...flowObjects(present(view.flowDescriptor)),
        ...last,
      ];
    case 'pathTear':
      return [view.session, view.hop, ...middle, ...view.unknown, ...senderDescriptor(view), ...last];
    case 'resvTear':
      return [
        view.session,
        view.hop,
        ...middle,
        ...view.unknown,
        view.style,
        ...flowObjects(view.flowDescriptors),
        ...last,
      ];
    case 'resvConf':
      return [
        view.session,
        view.errorSpec,
        view.resvConfirm,
        ...middle,
        ...view.unknown,
        view.style,
        ...flowObjects(view.flowDescriptors),
        ...last,
      ];
    default:
      return assertNever(view);
  }
}

const senderDescriptor = (view: ValidMessage & { readonly kind: 'path' | 'pathErr' | 'pathTear' }): RsvpObject[] => [
  view.senderTemplate,
  ...present(view.senderTspec),
  ...present(view.adspec),
];

/** The same for all styles: with FF a filter without a flowspec of its own takes the one before it (RFC 2205 3.1.4). */
const flowObjects = (descriptors: readonly (FlowDescriptor | TearDescriptor)[]): RsvpObject[] =>
  descriptors.flatMap((descriptor) => [...present(descriptor.flowspec), ...descriptor.filters]);

const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);
