import { ApiError } from "../api/client";
import { visible } from "../format/ansi";
import { Link } from "../parts/Link";
import { Empty, Failed, sentence } from "../parts/states";

interface NoRunProps {
  id: string;
  error: unknown;
  onRetry: () => void;
}

/** The run could not be had: it is not there, or could not be read. */
export function NoRun({ id, error, onRetry }: NoRunProps) {
  if (!(error instanceof ApiError) || error.status !== 404) return <Failed error={error} onRetry={onRetry} />;
  const { what, why } = error.problem;
  return (
    <Empty title={sentence(what)}>
      <p>{why ? <WithLinks text={visible(why)} /> : "It may have been pruned, or its id may be of another project."}</p>
      <p>
        <Link href={`/runs?q=${encodeURIComponent(`run:${shortened(id)}*`)}`}>Runs with a similar id</Link>
        {" · "}
        <Link href="/runs">All runs</Link>
      </p>
    </Empty>
  );
}

const RUN_ID = /(run_[0-9a-z]{26})/;

/** A sentence whose run ids lead there. */
function WithLinks({ text }: { text: string }) {
  return (
    <>
      {text.split(RUN_ID).map((part, at) =>
        RUN_ID.test(part) ? (
          <Link key={`${at}`} href={`/runs/${part}`}>
            {part}
          </Link>
        ) : (
          part
        ),
      )}
    </>
  );
}

/** The part of an id that is its time: runs of about then share it. */
function shortened(id: string): string {
  return id.slice(0, 12).replaceAll(/[^\w-]/g, "");
}
