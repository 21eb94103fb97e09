import { Component, type ComponentChildren } from "preact";
import { Failed } from "../parts/states";

/** Shows what failed in its place, instead of an empty page. A new `name` begins anew. */
export class Boundary extends Component<{ name: string; children: ComponentChildren }, { error: unknown }> {
  override state = { error: null };

  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
  }

  override componentDidUpdate(before: { name: string }): void {
    if (before.name !== this.props.name && this.state.error !== null) this.setState({ error: null });
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failed error={this.state.error} onRetry={() => this.setState({ error: null })} />;
  }
}
