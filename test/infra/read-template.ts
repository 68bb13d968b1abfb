/** Synthesized templates, in a form that reads well in a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { synthesize } from '../../infra/synthesize';
import { variants as contexts } from './configurations';

export type Json = Record<string, unknown>;
export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: string[];
}
export interface TemplateJson {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { Value: unknown }>;
}

/** The stacks that have to be as secure and as stable as the default one, as rows of a table. */
export const variants = contexts.map((context): [context: Json] => [context]);

const folder = mkdtempSync(join(tmpdir(), 'stack-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
export const outdir = () => mkdtempSync(join(folder, 'assembly-'));

/** An app of somebody's, without what takes long: bundles, the rules of CloudFormation, a stack trace for each resource. */
export const newApp = () =>
  new App({
    outdir: outdir(),
    builtinCloudFormationValidation: false,
    context: { 'aws:cdk:bundling-stacks': [], 'aws:cdk:disable-creation-stack-traces': true },
  });

const synthesized = new Map<string, TemplateJson>();
export function template(context: Json = {}): TemplateJson {
  const key = JSON.stringify(context);
  const known =
    synthesized.get(key) ??
    synthesize({ bundle: false, validate: false, outdir: outdir(), context }).stacks[0]?.template;
  synthesized.set(key, known);
  return known;
}

/** What CloudFormation makes before this resource, directly or by way of others. */
export function madeBefore(id: string, { Resources }: TemplateJson): Set<string> {
  const before = new Set<string>();
  const visit = (one: string) => {
    for (const next of needsOf(Resources[one]))
      if (next in Resources && !before.has(next)) {
        before.add(next);
        visit(next);
      }
  };
  visit(id);
  return before;
}

/** Resources that wait for themselves. CloudFormation refuses a template that has any. */
export const circlesIn = (from: TemplateJson) => Object.keys(from.Resources).filter(id => madeBefore(id, from).has(id));

/** Logical ids that a resource refers to or depends on; pseudo parameters and parameters are among them. */
function needsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': get, DependsOn = [] } = value as Record<string, string | string[] | undefined>;
  return [Ref ?? [], get?.[0] ?? [], DependsOn, ...Object.values(value).map(needsOf)].flat() as string[];
}

/** A logical id without CDK's hash. */
export const nameOf = (logicalId: string) => logicalId.replace(/[0-9A-F]{8}$/, '');

/** Logical ids without CDK's hash, and references as `Id`, `Id.Attribute` or text with those inside. */
export function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const json = value as Json;
  if (typeof json.Ref === 'string') return `{${nameOf(json.Ref)}}`;
  const get = json['Fn::GetAtt'] as [string, string] | undefined;
  if (get) return `{${nameOf(get[0])}.${get[1]}}`;
  const join = json['Fn::Join'] as [string, unknown[]] | undefined;
  if (Array.isArray(join?.[1])) return join[1].map(readable).join(join[0]);
  return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, readable(inner)]));
}

/** Resources of a type by their readable id. */
export function all(type: string, from = template()) {
  return Object.fromEntries(
    Object.entries(from.Resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => [nameOf(id), { ...resource, Properties: readable(resource.Properties ?? {}) as Json }]),
  );
}
export const properties = (type: string, id: string, from = template()) => all(type, from)[id]?.Properties;

interface Statement {
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Principal?: string | { readonly Service?: string; readonly AWS?: string };
  readonly Condition?: Json;
  readonly Effect: string;
}

/** What somebody may do, or may not. */
export interface Permission {
  /** A role by its id, a service, or an account. */
  readonly who: string;
  readonly actions: readonly string[];
  readonly on: unknown;
  readonly condition: Json | undefined;
  readonly effect: string;
}

/** Every statement of every policy in the stack, whatever resource it is found in. */
export function statements(from = template()): Permission[] {
  return Object.entries(from.Resources).flatMap(([logicalId, { Type, Properties }]) => {
    const [id, json] = [nameOf(logicalId), readable(Properties ?? {}) as Json];
    const holders = Type === 'AWS::IAM::Policy' ? (json.Roles as string[]).map(bare) : [id];
    if (Type === 'AWS::Lambda::Permission') return [invocation(json)];
    return documentsIn(json).flatMap(({ Statement }) =>
      Statement.flatMap(({ Principal, Action, Resource, Condition, Effect }) => {
        const principal = typeof Principal === 'object' ? (Principal.Service ?? Principal.AWS) : Principal;
        return (principal === undefined ? holders : [principal]).flatMap(who =>
          // In a key's own policy, and in what a role trusts, it is the holder that is meant.
          [Resource ?? '*'].flat().map(on => ({
            who,
            actions: [Action].flat().sort(),
            on: Principal !== undefined && on === '*' ? `{${id}}` : on,
            condition: Condition,
            effect: Effect,
          })),
        );
      }),
    );
  });
}

/** A statement of a function's policy. */
const invocation = ({ Action, FunctionName, Principal, SourceArn }: Json): Permission => ({
  who: String(Principal),
  actions: [String(Action)],
  on: FunctionName,
  condition: SourceArn ? { ArnLike: { 'aws:SourceArn': SourceArn } } : undefined,
  effect: 'Allow',
});

const bare = (reference: string) => reference.replace(/^\{(.*)\}$/, '$1');

function documentsIn(value: unknown): { Statement: Statement[] }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(documentsIn);
  const { Statement: stated } = value as Json;
  if (stated === undefined) return inner;
  // A policy of a bus has one statement.
  return [{ Statement: [stated].flat() as Statement[] }, ...inner];
}

/** Everything that a role or a service may do, as `action, … on resource if condition`. */
export function permissions(who: string, from = template()) {
  return statements(from)
    .filter(permission => permission.who === who && permission.effect === 'Allow')
    .map(
      ({ actions, on, condition }) =>
        `${actions.join(', ')} on ${on}${condition ? ` if ${JSON.stringify(condition)}` : ''}`,
    )
    .sort();
}
