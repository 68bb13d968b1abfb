import {
  CreateApiDestinationCommand,
  type CreateApiDestinationCommandInput,
  CreateConnectionCommand,
  type CreateConnectionCommandInput,
  EventBridgeClient,
} from '@aws-sdk/client-eventbridge';
import type { Template } from '../synthesized';
import { changeTemplates } from './assembly';
import type { MiniStack } from './ministack';

/**
 * MiniStack has connections and API destinations, but its CloudFormation does not support them. Creates them by API calls with
 * the properties in the template, and replaces the references to them with their ARNs.
 */
export function makeApiDestinations(
  { clientOptions, awsCli }: Pick<MiniStack, 'clientOptions' | 'awsCli'>,
  directory: string,
): Promise<void> {
  const eventBridge = new EventBridgeClient(clientOptions);
  return changeTemplates(directory, async template => {
    const withConnections = await replaceEach(template, 'AWS::Events::Connection', async (Name, properties) => {
      const given = JSON.parse(await withSecrets(JSON.stringify(properties), awsCli));
      const input = { Name, ...given } as CreateConnectionCommandInput;
      return (await eventBridge.send(new CreateConnectionCommand(input))).ConnectionArn;
    });
    return replaceEach(withConnections, 'AWS::Events::ApiDestination', async (Name, properties) => {
      const input = { Name, ...properties } as CreateApiDestinationCommandInput;
      return (await eventBridge.send(new CreateApiDestinationCommand(input))).ApiDestinationArn;
    });
  });
}

/** @param make creates one resource and returns its ARN */
async function replaceEach(
  template: Template,
  type: string,
  make: (id: string, properties: object) => Promise<string | undefined>,
): Promise<Template> {
  let changed = template;
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== type) continue;
    const { [id]: _, ...Resources } = changed.Resources;
    const reference = JSON.stringify({ 'Fn::GetAtt': [id, 'Arn'] });
    const arn = JSON.stringify(await make(id, Properties));
    changed = JSON.parse(JSON.stringify({ ...changed, Resources }).replaceAll(reference, () => arn));
  }
  return changed;
}

/** Resolves references to secrets, as CloudFormation does. */
async function withSecrets(text: string, awsCli: MiniStack['awsCli']): Promise<string> {
  let resolved = text;
  for (const [reference, id = ''] of text.matchAll(/\{\{resolve:secretsmanager:([^:}]+):SecretString:::\}\}/g)) {
    const secret = await awsCli('secretsmanager', 'get-secret-value', '--secret-id', id, '--query', 'SecretString');
    resolved = resolved.replaceAll(reference, () => secret.trim().slice(1, -1)); // it is JSON, as the text is
  }
  return resolved;
}
