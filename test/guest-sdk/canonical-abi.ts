// SPDX-License-Identifier: Apache-2.0
// A host of one handler for tests: its core module, driven by the canonical ABI written out by hand.

type Imports = Readonly<Record<string, (...parameters: number[]) => void>>;

export interface Span {
  readonly pointer: number;
  readonly length: number;
}

type Answer =
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'fail'; readonly ordinal: number }
  | { readonly kind: 'continue' };

type Action =
  | Answer
  | { readonly kind: 'next' }
  | { readonly kind: 'delay'; readonly milliseconds: bigint; readonly answer: Answer };

export interface Guest {
  /** The instance's memory as it is now; any call into the guest may replace it. */
  bytes(): Uint8Array;
  view(): DataView;
  allocate(alignment: number, size: number): number;
  /** The block with another size, wherever it is then. */
  reallocate(old: number, oldSize: number, alignment: number, size: number): number;
  lowerBytes(bytes: Uint8Array): Span;
  lowerString(text: string): Span;
  /** Null, or the reason of the refusal. */
  configure(settings: Readonly<Record<string, string>>): string | null;
  /** Calls an export with core parameters, reads its action, and ends the call. */
  call(name: string, ...parameters: (number | bigint)[]): Action;
}

/** Instantiates a component of the build. `host` makes its imports, by interface and name. */
export function openGuest(
  component: Uint8Array,
  host: (guest: Guest) => Readonly<Record<string, Imports>> = () => ({}),
): Guest {
  const guest: Guest = {
    bytes: () => new Uint8Array(memory().buffer),
    view: () => new DataView(memory().buffer),
    allocate: (alignment, size) => exported('cabi_realloc', [0, 0, alignment, size]),
    reallocate: (...block) => exported('cabi_realloc', block),
    lowerBytes(bytes) {
      const pointer = guest.allocate(1, bytes.length);
      guest.bytes().set(bytes, pointer);
      return { pointer, length: bytes.length };
    },
    lowerString(text) {
      const pointer = guest.allocate(2, text.length * 2);
      guest.bytes().set(Buffer.from(text, 'utf16le'), pointer);
      return { pointer, length: text.length };
    },
    configure(settings) {
      const pairs = Object.entries(settings).map((pair) =>
        pair.map((text) => guest.lowerString(text)),
      );
      const pointer = guest.allocate(4, pairs.length * 16);
      pairs.flat().forEach((span, index) => {
        guest.view().setUint32(pointer + index * 8, span.pointer, true);
        guest.view().setUint32(pointer + index * 8 + 4, span.length, true);
      });
      const result = exported('configure', [pointer, pairs.length]);
      const reason = guest.view().getUint8(result) === 0 ? null : liftString(result + 4);
      exported('cabi_post_configure', [result]);
      return reason;
    },
    call(name, ...parameters) {
      const result = exported(name, parameters);
      const answer = liftAction(guest.view(), result);
      exported(`cabi_post_${name}`, [result]);
      return answer;
    },
  };
  const module = new WebAssembly.Module(coreModule(component));
  const interfaces = Object.entries(host(guest)).map(([name, functions]) => [
    `seccompagent:handler/${name}@0.1.0`,
    functions,
  ]);
  const { exports } = new WebAssembly.Instance(module, Object.fromEntries(interfaces));

  function memory(): WebAssembly.Memory {
    const found = exports['memory'];
    if (!(found instanceof WebAssembly.Memory)) throw new Error('no memory is exported');
    return found;
  }

  function exported(name: string, parameters: readonly (number | bigint)[]): number {
    const found = exports[name];
    if (typeof found !== 'function') throw new Error(`no function "${name}" is exported`);
    return Number(Reflect.apply(found, undefined, parameters)) >>> 0;
  }

  function liftString(at: number): string {
    const pointer = guest.view().getUint32(at, true);
    const length = guest.view().getUint32(at + 4, true);
    return Buffer.from(guest.bytes().slice(pointer, pointer + length * 2)).toString('utf16le');
  }

  return guest;
}

function liftAction(view: DataView, pointer: number): Action {
  switch (view.getUint8(pointer)) {
    case 3:
      return { kind: 'next' };
    case 4:
      return {
        kind: 'delay',
        milliseconds: view.getBigUint64(pointer + 8, true),
        answer: liftAnswer(view, pointer + 16),
      };
    default:
      return liftAnswer(view, pointer);
  }
}

function liftAnswer(view: DataView, pointer: number): Answer {
  switch (view.getUint8(pointer)) {
    case 0:
      return { kind: 'value', value: view.getBigInt64(pointer + 8, true) };
    case 1:
      return { kind: 'fail', ordinal: view.getUint8(pointer + 8) };
    case 2:
      return { kind: 'continue' };
    default:
      throw new Error('no case of the variant');
  }
}

/** The first core module: `jco new` puts the handler's own before its shims. */
function coreModule(component: Uint8Array): Uint8Array<ArrayBuffer> {
  let position = 8;
  while (position < component.length) {
    const id = component[position];
    let size = 0;
    let shift = 0;
    let byte: number;
    do {
      position++;
      byte = component[position] ?? 0;
      size |= (byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) !== 0);
    position++;
    if (id === 1) return new Uint8Array(component.slice(position, position + size));
    position += size;
  }
  throw new Error('the component has no core module');
}
