import { rmSync } from 'node:fs';
import { dirname } from 'node:path';

export default function removeSynthesized(): void {
  rmSync(dirname(process.env.SYNTHESIZED as string), { recursive: true, force: true });
}
