// The API's description, as the page about it shows it. Nothing of it is trusted to have a certain shape.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  anyOf?: Schema[];
  enum?: unknown[];
  items?: Schema | boolean;
  prefixItems?: Schema[];
  additionalProperties?: Schema | boolean;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

export interface Parameter {
  name: string;
  in: string;
  description?: string;
  required?: boolean;
  schema?: Schema;
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
}

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: Content;
  responses?: Record<string, Content>;
  "x-scope"?: string | null;
}

export interface Document {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Route {
  method: string;
  path: string;
  summary: string;
  /** "view", "operate", or "" where no token is needed. */
  scope: string;
  group: string;
  parameters: Parameter[];
  body: Schema | null;
  answer: Schema | null;
  media: string;
}

/** A piece of a type's text; `ref` names the shape that it is. */
export interface Word {
  text: string;
  ref?: string;
}

/** All routes in the order of the document. */
export function routes(document: Document): Route[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const [media = "", answer] = Object.entries(operation.responses?.["200"]?.content ?? {})[0] ?? [];
      return {
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? "",
        scope: operation["x-scope"] ?? "",
        group: operation.tags?.[0] ?? "",
        parameters: operation.parameters ?? [],
        body: Object.values(operation.requestBody?.content ?? {})[0]?.schema ?? null,
        answer: answer?.schema ?? null,
        media,
      };
    }),
  );
}

/** The routes by their group, in the order in which the groups come up. */
export function groups(found: Route[]): [string, Route[]][] {
  const by = new Map<string, Route[]>();
  for (const route of found) by.set(route.group, [...(by.get(route.group) ?? []), route]);
  return [...by];
}

/** A type as TypeScript writes it, in pieces. */
export function typeWords(schema: Schema): Word[] {
  if (schema.$ref !== undefined) {
    const ref = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return [{ text: ref, ref }];
  }
  if (schema.anyOf) return joined(schema.anyOf.map(typeWords), " | ");
  if (schema.enum) return [{ text: schema.enum.map((value) => JSON.stringify(value)).join(" | ") }];
  if (schema.prefixItems) return [{ text: "[" }, ...joined(schema.prefixItems.map(typeWords), ", "), { text: "]" }];
  if (schema.type === "array")
    return arrayOf(typeof schema.items === "object" ? typeWords(schema.items) : [{ text: "any" }]);
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return [{ text: "{[key]: " }, ...typeWords(schema.additionalProperties), { text: "}" }];
  }
  return [{ text: Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "any") }];
}

/** What limits a parameter: its default and its bounds. */
export function bounds(schema: Schema): string {
  const found: string[] = [];
  if (schema.default !== undefined) found.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.minimum !== undefined) found.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined) found.push(`at most ${schema.maximum}`);
  if (schema.maxLength !== undefined) found.push(`at most ${schema.maxLength} characters`);
  return found.join(", ");
}

function arrayOf(inner: Word[]): Word[] {
  const several = inner.some((word) => word.text.includes(" | "));
  return several ? [{ text: "(" }, ...inner, { text: ")[]" }] : [...inner, { text: "[]" }];
}

function joined(lists: Word[][], between: string): Word[] {
  return lists.flatMap((words, index) => (index === 0 ? words : [{ text: between }, ...words]));
}
