declare module 'dynalite' {
  import type { Server } from 'node:http';
  /** Times are how long a table stays in CREATING and the like. Without `path` everything is in memory. */
  export default function dynalite(options?: {
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }): Server;
}
