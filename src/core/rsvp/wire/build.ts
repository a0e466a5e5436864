import { assertNever } from '../../base/assert-never.ts';
import type { FlowDescriptor, TearDescriptor, ValidMessage } from './message-views.ts';
import { MESSAGE_TYPE, type RsvpMessage } from './message.ts';
import type { RsvpObject } from './objects.ts';

/** Lays the objects out in the order that RFC 2205 3.1.3 to 3.1.9 recommends; `unknown` goes where POLICY_DATA goes. */
export function buildMessage(view: ValidMessage): RsvpMessage {
  return { type: MESSAGE_TYPE[view.kind], flags: 0, sendTtl: view.sendTtl, objects: objectsOf(view) };
}

function objectsOf(view: ValidMessage): RsvpObject[] {
  switch (view.kind) {
    case 'path':
      return [view.session, view.hop, view.timeValues, ...view.unknown, ...senderDescriptor(view)];
    case 'resv':
      return [
        view.session,
        view.hop,
        view.timeValues,
        ...present(view.resvConfirm),
        ...view.unknown,
        view.style,
        ...flowObjects(view.flowDescriptors),
      ];
    case 'pathErr':
      return [view.session, view.errorSpec, ...view.unknown, ...senderDescriptor(view)];
    case 'resvErr':
      return [
        view.session,
        view.hop,
        view.errorSpec,
        ...view.unknown,
        view.style,
        ...flowObjects(present(view.flowDescriptor)),
      ];
    case 'pathTear':
      return [view.session, view.hop, ...view.unknown, ...senderDescriptor(view)];
    case 'resvTear':
      return [view.session, view.hop, ...view.unknown, view.style, ...flowObjects(view.flowDescriptors)];
    case 'resvConf':
      return [
        view.session,
        view.errorSpec,
        view.resvConfirm,
        ...view.unknown,
        view.style,
        ...flowObjects(view.flowDescriptors),
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
