import {
  CfnResource,
  DefaultTokenResolver,
  type IPostProcessor,
  type IResolvable,
  type IResolveContext,
  Reference,
  Resource,
  Stack,
  StringConcat,
  Tokenization,
} from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { Dependable, type IConstruct, type IDependable } from 'constructs';

/**
 * What has to be there before the first poll, as one dependency of the schedules: a rule without its target's permission
 * loses an event like no rule at all, and the table says that it was published.
 */
export class Receivers implements IDependable {
  private readonly constructs: IConstruct[] = [];

  /** @param waiting stack of the schedules */
  constructor(waiting: Stack) {
    const { constructs } = this;
    Dependable.implement(this, {
      // Read when the app is synthesized: until then, rules get targets and topics get subscriptions.
      get dependencyRoots() {
        return constructs.flatMap(one => [one, ...targetsIn(one).filter(target => Stack.of(target) === waiting)]);
      },
    });
  }

  add(...constructs: readonly IConstruct[]): void {
    this.constructs.push(...constructs);
  }
}

/**
 * What the rules in there send to, with what is beneath it, such as the policy of a queue. A rule refers to the queue, its
 * dead-letter queue and its role, but to none of their policies, and CloudFormation makes those after the rule.
 */
function targetsIn(construct: IConstruct): IConstruct[] {
  const rules = construct.node.findAll().filter(one => one instanceof CfnRule);
  return rules.flatMap(rule => resourcesNamedIn(rule.targets, rule).map(withPolicies));
}

/** The construct that CDK puts a resource's policies and permissions under. */
function withPolicies(resource: CfnResource): IConstruct {
  const { scope } = resource.node;
  return scope && Resource.isResource(scope) && scope.node.defaultChild === resource ? scope : resource;
}

function resourcesNamedIn(value: unknown, scope: IConstruct): CfnResource[] {
  const resolver = new ReferenceFinder();
  Tokenization.resolve(value, { scope, resolver, preparing: true });
  return [...resolver.targets].filter(CfnResource.isCfnResource);
}

class ReferenceFinder extends DefaultTokenResolver {
  readonly targets = new Set<IConstruct>();

  constructor() {
    super(new StringConcat());
  }

  override resolveToken(token: IResolvable, context: IResolveContext, postProcessor: IPostProcessor) {
    if (Reference.isReference(token)) this.targets.add(token.target);
    return super.resolveToken(token, context, postProcessor);
  }
}
