// SPDX-License-Identifier: Apache-2.0
// Tests that the parts of the agent keep nothing of a container whose life is over.
import { expect, test } from 'vitest';

import { ContainerLife, ContainerLives } from '../../host/containers/container-life.ts';

/** Parts that note who enters and leaves them. */
class Parts {
  readonly noted: string[] = [];

  enter(name: string): Disposable {
    this.noted.push(name);
    return {
      [Symbol.dispose]: () => {
        this.noted.push(`-${name}`);
      },
    };
  }

  fail(): Disposable {
    throw new Error('no room');
  }
}

/** As attaching does: whoever fails leaves the scope, and with it the life. */
function attach(lives: ContainerLives, enter: (life: ContainerLife) => void): ContainerLife {
  using unlessAttached = new DisposableStack();
  const life = unlessAttached.use(lives.begin());
  enter(life);
  unlessAttached.move();
  return life;
}

test('container life: parts are left in reverse order, each once', () => {
  const parts = new Parts();
  const life = attach(new ContainerLives(), (entering) => {
    for (const name of ['a', 'b', 'c']) entering.hold(parts.enter(name));
  });
  expect(parts.noted).toEqual(['a', 'b', 'c']);
  life[Symbol.dispose]();
  life[Symbol.dispose]();
  expect(parts.noted).toEqual(['a', 'b', 'c', '-c', '-b', '-a']);
});

test('container life: a part that throws leaves nothing in the parts before it', () => {
  const parts = new Parts();
  const lives = new ContainerLives();
  expect(() =>
    attach(lives, (life) => {
      life.hold(parts.enter('a'));
      life.hold(parts.enter('b'));
      life.hold(parts.fail());
    }),
  ).toThrow('no room');
  expect(parts.noted).toEqual(['a', 'b', '-b', '-a']);
  lives[Symbol.dispose]();
  expect(parts.noted).toHaveLength(4);
});

test('container life: a container that ends while it attaches leaves nothing', () => {
  const parts = new Parts();
  const life = attach(new ContainerLives(), (entering) => {
    entering.hold(parts.enter('a'));
    entering[Symbol.dispose]();
    entering.hold(parts.enter('b'));
  });
  expect(life.isOver).toBe(true);
  expect(parts.noted).toEqual(['a', '-a', 'b', '-b']);
});

test('container life: a part that fails to leave keeps nothing in other parts', () => {
  const parts = new Parts();
  const life = new ContainerLife();
  life.hold(parts.enter('a'));
  life.hold({
    [Symbol.dispose]: () => {
      throw new Error('cannot leave');
    },
  });
  life.hold(parts.enter('b'));
  expect(() => {
    life[Symbol.dispose]();
  }).toThrow('cannot leave');
  expect(parts.noted).toEqual(['a', 'b', '-b', '-a']);
});

test('container lives: the end of the agent ends those that are attached and those that attach', () => {
  const parts = new Parts();
  const lives = new ContainerLives();
  const ended = lives.begin();
  ended.hold(parts.enter('ended'));
  ended[Symbol.dispose]();
  lives.begin().hold(parts.enter('attached'));
  lives.begin().hold(parts.enter('attaching'));
  lives[Symbol.dispose]();
  expect(parts.noted.slice(2)).toEqual(['attached', 'attaching', '-attaching', '-attached']);
  const late = lives.begin();
  late.hold(parts.enter('late'));
  expect(parts.noted.slice(-2)).toEqual(['late', '-late']);
});
