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
 * Constructs that must exist before the first poll, as one dependency of the schedules. A rule that may not send to its
 * target loses events, as if there were no rule, but the table records them as published.
 */
export class Receivers implements IDependable {
  private readonly constructs: IConstruct[] = [];

  /** @param scheduleStack stack of the schedules */
  constructor(scheduleStack: Stack) {
    const { constructs } = this;
    Dependable.implement(this, {
      // Evaluated at synthesis: until then, targets and subscriptions may be added.
      get dependencyRoots() {
        return constructs.flatMap(one => [one, ...targetsIn(one).filter(target => Stack.of(target) === scheduleStack)]);
      },
    });
  }

  add(...constructs: readonly IConstruct[]): void {
    this.constructs.push(...constructs);
  }
}

/**
 * The targets of all rules in a construct, with their children such as the policy of a queue. A rule refers to its queue,
 * dead-letter queue and role, but not to their policies, so CloudFormation could create those after the rule.
 */
function targetsIn(construct: IConstruct): IConstruct[] {
  const rules = construct.node.findAll().filter(one => one instanceof CfnRule);
  return rules.flatMap(rule => resourcesReferencedIn(rule.targets, rule).map(withPolicies));
}

/** The L2 construct of a resource, which contains its policies and permissions; the resource itself if it has none. */
function withPolicies(resource: CfnResource): IConstruct {
  const { scope } = resource.node;
  return scope && Resource.isResource(scope) && scope.node.defaultChild === resource ? scope : resource;
}

/** The resources that a value with tokens refers to. */
export function resourcesReferencedIn(value: unknown, scope: IConstruct): CfnResource[] {
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
