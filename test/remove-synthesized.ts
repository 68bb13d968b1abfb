import { rmSync } from 'node:fs';

export default function removeSynthesized(): void {
  rmSync(process.env.SYNTHESIZED as string, { recursive: true, force: true });
}
