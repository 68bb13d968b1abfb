declare module 'dynalite' {
  import type { Server } from 'node:http';
  /** The delays are how long a table stays in states such as CREATING. Without `path` the data is in memory. */
  export default function dynalite(options?: {
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }): Server;
}
