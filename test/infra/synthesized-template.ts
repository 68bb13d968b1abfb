/** Templates as a test reads them: resources by their readable ids, references as text. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../infra/synthesize';

export type Json = Record<string, unknown>;
export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DependsOn?: string | string[];
}
export interface TemplateJson {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { Value: unknown }>;
}

const synthesized = new Map<string, TemplateJson>();

/** Synthesized once for each configuration; leaves nothing on the disk. */
export function templateOf(context: Json = {}): TemplateJson {
  const key = JSON.stringify(context);
  const known = synthesized.get(key);
  if (known) return known;
  const outdir = mkdtempSync(join(tmpdir(), 'template-test-'));
  try {
    const template = synthesize({ bundle: false, outdir, context }).stacks[0]?.template as TemplateJson;
    synthesized.set(key, template);
    return template;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** A logical id without CDK's hash. */
export const nameOf = (logicalId: string) => logicalId.replace(/[0-9A-F]{8}$/, '');

/** References become `{Id}` or `{Id.Attribute}`, and joined texts one text with those inside. */
export function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const { Ref, 'Fn::GetAtt': get, 'Fn::Join': joined } = value as Json;
  if (typeof Ref === 'string') return `{${nameOf(Ref)}}`;
  if (Array.isArray(get)) return `{${nameOf(get[0])}.${get[1]}}`;
  if (Array.isArray(joined)) return (joined[1] as unknown[]).map(readable).join(joined[0]);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
}

/** Resources of a type by their readable id. */
export function resources(type: string, from = templateOf()): Record<string, Resource> {
  return Object.fromEntries(
    Object.entries(from.Resources)
      .filter(([, { Type }]) => Type === type)
      .map(([id, resource]) => [nameOf(id), { ...resource, Properties: readable(resource.Properties) as Json }]),
  );
}
