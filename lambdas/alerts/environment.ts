/** Environment variables of the formatter function, the one place that names them for the code and the stack. */
export const environment = {
  topicArn: 'TOPIC_ARN',
} as const;
