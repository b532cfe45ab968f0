/** Catches a page that breaks while it is drawn: the rest of the console stays, and says so. */
import { Component, type ReactNode } from 'react';
import { ProblemBox } from './ProblemBox';
import css from './parts.module.css';

export class Guard extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return <div className={css.page}><h1>This page has broken</h1><ProblemBox problem={this.state.error} /><p>Reload it. If it breaks again, tell us what you did.</p></div>;
  }
}
